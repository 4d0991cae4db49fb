#include <fusebox/gateway/outcomes.hpp>

#include <string>

namespace fusebox::gateway {

outcome_class outcome_rules::class_of_status(int status) noexcept {
    if (status == 429) return outcome_class::too_many;
    if (status >= 500) return outcome_class::server_error;
    return status >= 400 ? outcome_class::client_error : outcome_class::ok;
}

std::optional<config_error> outcome_rules::set(outcome_class c, outcome what) {
    const bool is_ours = c == outcome_class::ours;
    if (is_ours != (what == outcome::rejected))
        return config_error{std::string("outcomes.") + to_string(c), to_string(what),
                            is_ours ? "must be rejected: a refusal of ours says nothing of the upstream"
                                    : "must be another: only our own refusals are rejected"};
    if ((c == outcome_class::client || c == outcome_class::race) && what != outcome::ignored)
        return config_error{std::string("outcomes.") + to_string(c), to_string(what),
                            "must be ignored: the upstream has no part in it"};
    by_class_[static_cast<std::size_t>(c)] = what;
    return std::nullopt;
}

const char* to_string(outcome o) noexcept {
    static constexpr const char* names[] = {"success", "failure", "ignored", "rejected", "pushback"};
    return names[static_cast<std::size_t>(o)];
}

const char* to_string(outcome_class c) noexcept {
    static constexpr const char* names[outcome_class_count] = {
        "ok",    "client_error", "server_error", "too_many", "name_resolution", "connect", "tls",
        "reset", "timeout",      "incomplete",   "protocol", "client",          "race",    "ours"};
    return names[static_cast<std::size_t>(c)];
}

}  // namespace fusebox::gateway
