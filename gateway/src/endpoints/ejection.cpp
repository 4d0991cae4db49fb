#include "endpoints/ejection.hpp"

#include <fusebox/backoff.hpp>

#include <string>

namespace fusebox::gateway {

void ejection::eject(ejection_reason why, double failure_rate, const ejection_options& o, time_point now) noexcept {
    if (active_) return;
    const bool clean = in_a_row_ == 0 || now >= saturating_add(until_, length_);
    const std::uint32_t before = clean ? 0 : in_a_row_;
    in_a_row_ = before + 1;
    length_ = exponential_backoff(o.base, o.multiplier, o.cap, before);
    active_ = true;
    reason_ = why;
    failure_rate_ = failure_rate;
    passes_ = 0;
    since_ = now;
    until_ = saturating_add(now, length_);
    ++number_;
}

void ejection::trial_ended(bool success, std::uint64_t number, const ejection_options& o, time_point now) noexcept {
    if (number != number_ || !trial_due(now)) return;
    active_ = false;
    until_ = now;
    if (!success) eject(ejection_reason::trial_failed, 1, o, now);
}

void ejection::checked(bool pass, time_point began, std::uint32_t healthy_threshold, time_point now) noexcept {
    if (!active_) return;
    if (!pass) {
        passes_ = 0;
        return;
    }
    if (began <= since_) return;
    if (++passes_ >= healthy_threshold && now < until_) until_ = now;
}

std::vector<config_error> ejection_options::validate() const {
    std::vector<config_error> wrong;
    const auto refuse = [&](const char* option, std::string value, const char* expectation) {
        wrong.push_back({option, std::move(value), expectation});
    };
    const auto ns = [](duration d) { return std::to_string(d.count()) + "ns"; };
    if (consecutive_failures && (*consecutive_failures < 1 || *consecutive_failures > 1'000'000))
        refuse("consecutive_failures", std::to_string(*consecutive_failures), "must be between 1 and 1000000");
    if (failure_rate && !(*failure_rate > 0 && *failure_rate <= 1))
        refuse("failure_rate", std::to_string(*failure_rate), "must be above 0, and at most 1");
    if (minimum_calls < 1) refuse("minimum_calls", "0", "must be at least 1");
    if (interval <= duration{0}) refuse("interval", ns(interval), "must be longer than 0");
    if (base <= duration{0}) refuse("base", ns(base), "must be longer than 0");
    if (!(multiplier >= 1 && multiplier <= 100))
        refuse("multiplier", std::to_string(multiplier), "must be between 1 and 100");
    if (cap < base) refuse("cap", ns(cap), "must not be shorter than base");
    if (trial_lease <= duration{0}) refuse("trial_lease", ns(trial_lease), "must be longer than 0");
    return wrong;
}

const char* to_string(ejection_reason r) noexcept {
    switch (r) {
        case ejection_reason::consecutive_failures: return "consecutive_failures";
        case ejection_reason::failure_rate: return "failure_rate";
        case ejection_reason::trial_failed: return "trial_failed";
    }
    return "unknown";
}

}  // namespace fusebox::gateway
