#include <health-check/frontend.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace health_check {

using demo::http::request;
using demo::http::response;
using json = nlohmann::ordered_json;

namespace {

fusebox::circuit_breaker_options breaker_options(const frontend_settings& s) {
    return {
        .consecutive_failures = s.failure_threshold,
        .open_for = s.recovery_timeout,
        .open_multiplier = 1,  // the same wait after each failed trial
        .open_cap = s.recovery_timeout,
        .open_jitter = 0,
        .open_max = s.recovery_timeout,
        .half_open_calls = 1,
        .trial_lease = 2 * s.request_timeout,  // no trial call lasts longer than its request may
    };
}

}  // namespace

frontend::frontend(frontend_settings settings, log_sink log, const fusebox::monotonic_clock* clock)
    : settings_(std::move(settings)), log_(std::move(log)), breaker_("service-b", breaker_options(settings_), clock) {}

demo::http::routes frontend::routes() {
    return {
        {"/", [this](const request& asked) { return dashboard(asked); }},
        {"/test-api", [this](const request& asked) { return call_and_show("/api/data", asked); }},
        {"/health-status", [this](const request& asked) { return call_and_show("/health", asked); }},
        {"/health", [this](const request&) { return health(); }},
    };
}

response frontend::call_and_show(const std::string& path, const request& asked) {
    const auto answer = breaker_.call([&] { return call_service_b(path, asked.stopping); });
    if (answer) return show(page_kind::result, {.data = *answer}, asked);
    // Either the call was made and failed, or the breaker refused to make it.
    const std::string* failure = answer.error().error();
    const std::string why = failure ? *failure : make_error_code(answer.error().rejected()->code).message();
    return show(page_kind::result, {.error = why}, asked);
}

// What the breaker protects: any answer but 200, and no answer, is a failure.
std::expected<std::string, std::string> frontend::call_service_b(const std::string& path, std::stop_token cancel) {
    const auto failed = [&](const std::string& why) {
        if (!cancel.stop_requested()) log_(fmt::format("GET service-b{} failed: {}", path, why));
        return std::unexpected(why);
    };
    const auto answer = client_.get(settings_.service_b_url + path, settings_.request_timeout, cancel);
    if (!answer) return failed(answer.error().message);
    if (answer->status != 200) return failed(fmt::format("HTTP {}", answer->status));
    const json data = json::parse(answer->body, nullptr, false);
    if (data.is_discarded()) return failed("the answer of " + settings_.service_b_url + path + " is not JSON");
    return data.dump(2, ' ', false, json::error_handler_t::replace);
}

response frontend::dashboard(const request& asked) {
    return show(page_kind::overview, {}, asked);
}

response frontend::show(page_kind kind, call_outcome outcome, const request& asked) {
    return dashboard_page({.kind = kind,
                           .circuit = breaker_.snapshot(),
                           .failure_threshold = settings_.failure_threshold,
                           .outcome = std::move(outcome)},
                          preferred_language(asked.header("accept-language")));
}

response frontend::health() {
    const auto circuit = breaker_.snapshot();
    const json breaker{{"state", to_string(circuit.state)}, {"failures", circuit.consecutive_failures}};
    return {200, json{{"service", "frontend"}, {"status", "healthy"}, {"circuit_breaker", breaker}}.dump()};
}

frontend_settings frontend_settings::from(environment& env, const std::string& service_b_url) {
    const frontend_settings usual;
    return {.service_b_url = env.url("SERVICE_B_URL", service_b_url),
            .failure_threshold = static_cast<std::uint32_t>(
                env.whole_number("CIRCUIT_FAILURE_THRESHOLD", usual.failure_threshold, 1, 1'000'000)),
            .recovery_timeout =
                env.seconds("CIRCUIT_RECOVERY_TIMEOUT", usual.recovery_timeout, std::chrono::milliseconds{1})};
}

}  // namespace health_check
