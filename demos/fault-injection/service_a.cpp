#include <fault-injection/service_a.hpp>

#include <stage/wall_time.hpp>

#include <fusebox/asio/execute.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fault_injection {

namespace net = boost::asio;
using fusebox::http::http_errc;
using json = nlohmann::ordered_json;

namespace {

fusebox::circuit_breaker_options breaker_options(const service_a_settings& s) {
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

// A number of seconds, without a fraction where there is none.
json in_seconds(fusebox::duration d) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(d);
    return whole == d ? json(whole.count()) : json(std::chrono::duration<double>(d).count());
}

}  // namespace

service_a::service_a(net::any_io_executor on, service_a_settings settings, log_sink log,
                     const fusebox::monotonic_clock* clock)
    : settings_(std::move(settings)),
      log_(std::move(log)),
      clock_(clock),
      client_(std::move(on)),
      breaker_("ServiceB_CB", breaker_options(settings_), clock) {
    metrics_.watch(breaker_);
}

stage::routes service_a::routes() {
    stage::routes all{
        {"GET /", [this](const request& asked) { return page(asked); }},
        {"GET /call-service-b", [this](const request&) { return call_service_b(); }},
        {"GET /circuit-status", [this](const request&) { return circuit_status(); }},
        {"GET /metrics", [this](const request&) { return metrics_.answer(); }},
        {"GET /health",
         [](const request&) {
             return stage::json_response(200, json{{"status", "healthy"}, {"service", "A"}}.dump());
         }},
    };
    for (const char* control : all_controls)
        all.emplace(std::string("POST /service-b/") + control,
                    [this, control](const request&) { return press(control); });
    return all;
}

net::awaitable<response> service_a::call_service_b() {
    fusebox::pipeline guarded{breaker_};
    const auto call = [this] { return fetch_data(); };
    const fusebox::default_classifier any_error_counts;
    const fusebox::asio::runtime time{clock_};
    const auto data = co_await fusebox::asio::execute(guarded, call, any_error_counts, time);
    if (data) co_return delivered(*data);
    if (const auto* why = data.error().error()) co_return failed(*why);
    const auto no_answer = *data.error().rejected();
    if (!fusebox::is_refusal(no_answer.code)) co_return failed(no_answer.message());  // the caller has gone
    co_return refused(no_answer);
}

// What the breaker protects: a status from 400, no answer in time, and no answer are failures.
net::awaitable<std::expected<std::string, std::string>> service_a::fetch_data() {
    const auto failure = [this](std::string why) {
        last_failure_ = stage::timestamp();
        return std::unexpected(std::move(why));
    };
    log_("Service A: Attempting to call Service B /data endpoint...");
    const request question{"GET", settings_.service_b_url + "/data"};
    const auto answer = co_await client_.send(question, settings_.request_timeout);
    if (!answer && answer.error().code == http_errc::cancelled) co_return std::unexpected(answer.error().message);
    if (!answer) co_return failure(answer.error().message);
    if (answer->status >= 400) co_return failure(fmt::format("HTTP {}", answer->status));
    if (!json::accept(answer->body)) co_return failure("the answer of " + question.url + " is not JSON");
    co_return answer->body;
}

response service_a::delivered(const std::string& data) const {
    log_("Service A: Call to Service B successful. State: " + state());
    const json said{{"message", "Successfully fetched data from Service B."},
                    {"data", json::parse(data)},
                    {"circuit_state", state()}};
    return stage::json_response(200, said.dump());
}

response service_a::refused(const fusebox::rejection& why) const {
    log_("Service A: CircuitBreakerError: " + why.message());
    const json said{{"error", "Circuit Breaker is OPEN or call failed."},
                    {"details", why.message()},
                    {"circuit_state", state()},
                    {"fallback_message", "Serving fallback data as Service B is unavailable."}};
    auto answer = stage::json_response(503, said.dump());
    answer.set("Retry-After", std::to_string(fusebox::ceil_seconds(why.retry_after).count()));
    return answer;
}

response service_a::failed(const std::string& why) const {
    log_(fmt::format("Service A: Call to Service B failed: {}. State: {}", why, state()));
    const json said{{"error", "Failed to connect to Service B."}, {"details", why}, {"circuit_state", state()}};
    return stage::json_response(502, said.dump(-1, ' ', false, json::error_handler_t::replace));
}

// Passes one press of a button on, and sends the browser back to the page: to load that again presses nothing.
// Not through the breaker: who mends service B must reach it.
net::awaitable<response> service_a::press(std::string control) {
    const request order{"POST", settings_.service_b_url + "/" + control};
    const auto answer = co_await client_.send(order, settings_.request_timeout);
    if (!answer) last_press_ = failed_press(answer.error().message);
    else if (answer->status != 200) last_press_ = failed_press(fmt::format("HTTP {}", answer->status));
    else last_press_ = done_press(answer->body);
    response back{303};
    back.set("Location", "/");
    co_return back;
}

response service_a::page(const request& asked) const {
    return control_page({.circuit = breaker_.snapshot(),
                         .failure_threshold = settings_.failure_threshold,
                         .recovery_timeout = settings_.recovery_timeout,
                         .last = last_press_},
                        stage::preferred_language(asked.get("Accept-Language")));
}

response service_a::circuit_status() const {
    const auto circuit = breaker_.snapshot();
    const json said{{"circuit_breaker_name", circuit.name},
                    {"state", to_string(circuit.state)},
                    {"failure_count", circuit.consecutive_failures},
                    {"failure_threshold", settings_.failure_threshold},
                    {"recovery_timeout", in_seconds(settings_.recovery_timeout)},
                    {"last_failure_time", last_failure_ ? json(*last_failure_) : json(nullptr)},
                    {"retry_after", fusebox::ceil_seconds(circuit.retry_after).count()},
                    {"calls",
                     {{"succeeded", circuit.totals.successes},
                      {"failed", circuit.totals.failures},
                      {"refused", circuit.totals.rejected}}}};
    return stage::json_response(200, said.dump());
}

std::string service_a::state() const {
    return to_string(breaker_.state());
}

service_a_settings service_a_settings::from(stage::environment& env, const std::string& service_b_url) {
    const service_a_settings usual;
    const char* const threshold = env.one_of({"CIRCUIT_FAIL_MAX", "CIRCUIT_FAILURE_THRESHOLD"});
    const char* const timeout = env.one_of({"CIRCUIT_RESET_TIMEOUT", "CIRCUIT_RECOVERY_TIMEOUT"});
    return {.service_b_url = env.url("SERVICE_B_URL", service_b_url),
            .failure_threshold =
                static_cast<std::uint32_t>(env.whole_number(threshold, usual.failure_threshold, 1, 1'000'000)),
            .recovery_timeout = env.seconds(timeout, usual.recovery_timeout, std::chrono::milliseconds{1})};
}

}  // namespace fault_injection
