#include <health-check/frontend.hpp>

#include <fusebox/asio/execute.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace health_check {

namespace net = boost::asio;
using fusebox::http::http_errc;
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

frontend::frontend(net::any_io_executor on, frontend_settings settings, log_sink log,
                   const fusebox::monotonic_clock* clock)
    : settings_(std::move(settings)),
      log_(std::move(log)),
      clock_(clock),
      client_(std::move(on)),
      breaker_("service-b", breaker_options(settings_), clock) {
    metrics_.watch(breaker_);
}

stage::routes frontend::routes() {
    return {
        {"GET /", [this](const request& asked) { return dashboard(asked); }},
        {"GET /test-api", [this](const request& asked) { return call_and_show("/api/data", asked); }},
        {"GET /health-status", [this](const request& asked) { return call_and_show("/health", asked); }},
        {"GET /health", [this](const request&) { return health(); }},
        {"GET /metrics", [this](const request&) { return metrics_.answer(); }},
    };
}

net::awaitable<response> frontend::call_and_show(std::string path, const request& asked) {
    fusebox::pipeline guarded{breaker_};
    const auto call = [&] { return call_service_b(path); };
    const fusebox::default_classifier any_error_counts;
    const fusebox::asio::runtime time{clock_};
    const auto answer = co_await fusebox::asio::execute(guarded, call, any_error_counts, time);
    call_outcome outcome;
    if (answer) outcome.data = *answer;  // else the call was made and failed, or the breaker refused to make it
    else if (const std::string* failure = answer.error().error()) outcome.error = *failure;
    else outcome.error = make_error_code(answer.error().rejected()->code).message();
    co_return show(page_kind::result, std::move(outcome), asked);
}

// What the breaker protects: any answer but 200, and no answer, is a failure.
net::awaitable<std::expected<std::string, std::string>> frontend::call_service_b(std::string path) {
    const auto failed = [&](const std::string& why) {
        log_(fmt::format("GET service-b{} failed: {}", path, why));
        return std::unexpected(why);
    };
    const request question{"GET", settings_.service_b_url + path};
    const auto answer = co_await client_.send(question, settings_.request_timeout);
    if (!answer && answer.error().code == http_errc::cancelled) co_return std::unexpected(answer.error().message);
    if (!answer) co_return failed(answer.error().message);
    if (answer->status != 200) co_return failed(fmt::format("HTTP {}", answer->status));
    const json data = json::parse(answer->body, nullptr, false);
    if (data.is_discarded()) co_return failed("the answer of " + settings_.service_b_url + path + " is not JSON");
    co_return data.dump(2, ' ', false, json::error_handler_t::replace);
}

response frontend::dashboard(const request& asked) {
    return show(page_kind::overview, {}, asked);
}

response frontend::show(page_kind kind, call_outcome outcome, const request& asked) {
    return dashboard_page({.kind = kind,
                           .circuit = breaker_.snapshot(),
                           .failure_threshold = settings_.failure_threshold,
                           .outcome = std::move(outcome)},
                          stage::preferred_language(asked.get("Accept-Language")));
}

response frontend::health() {
    const auto circuit = breaker_.snapshot();
    const json breaker{{"state", to_string(circuit.state)}, {"failures", circuit.consecutive_failures}};
    return stage::json_response(
        200, json{{"service", "frontend"}, {"status", "healthy"}, {"circuit_breaker", breaker}}.dump());
}

frontend_settings frontend_settings::from(stage::environment& env, const std::string& service_b_url) {
    const frontend_settings usual;
    return {.service_b_url = env.url("SERVICE_B_URL", service_b_url),
            .failure_threshold = static_cast<std::uint32_t>(
                env.whole_number("CIRCUIT_FAILURE_THRESHOLD", usual.failure_threshold, 1, 1'000'000)),
            .recovery_timeout =
                env.seconds("CIRCUIT_RECOVERY_TIMEOUT", usual.recovery_timeout, std::chrono::milliseconds{1})};
}

}  // namespace health_check
