#include <offers/offer_service.hpp>

#include <offers/offer_text.hpp>

#include <fusebox/asio/execute.hpp>
#include <fusebox/fallback.hpp>
#include <fusebox/http/server_connection.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>

namespace offers {

namespace net = boost::asio;
using fusebox::http::http_errc;
using json = nlohmann::ordered_json;

namespace {

fusebox::circuit_breaker_options circuit_options(const offer_settings& s) {
    return {
        .consecutive_failures = s.fail_max,
        .open_for = s.reset_timeout,
        .open_multiplier = 1,  // the same wait after each failed trial
        .open_cap = s.reset_timeout,
        .open_jitter = 0,
        .open_max = s.reset_timeout,
        .half_open_calls = 1,
        .trial_lease = 2 * s.request_timeout,  // no trial call lasts longer than its request may
    };
}

bool is_word(std::string_view text, std::string_view word) {
    const auto same = [](char a, char b) { return (a | 0x20) == b; };
    return std::ranges::equal(text, word, same);
}

std::string cold_offer() {
    return offer_text("Cold offer fallback");
}

}  // namespace

offer_service::offer_service(net::any_io_executor on, offer_settings settings, circuit_storage& storage, log_sink log,
                             const fusebox::monotonic_clock* clock)
    : settings_(std::move(settings)),
      log_(std::move(log)),
      clock_(clock),
      client_(std::move(on)),
      circuit_(storage.circuit("partner-offer-service", circuit_options(settings_))),
      listener_(*circuit_, log_) {
    metrics_.watch(*circuit_);
}

stage::routes offer_service::routes() {
    return {
        {"GET /offer", [this](const request&) { return offer(); }},
        {"GET /offer/circuit", [this](const request&) { return circuit_state(); }},
        {"GET /metrics", [this](const request&) { return metrics_.answer(); }},
        {"GET /health", [](const request&) { return stage::healthy(); }},
    };
}

net::awaitable<response> offer_service::offer() {
    fusebox::fallback cold{fusebox::always(cold_offer)};  // whether the call failed or the circuit refused it
    fusebox::pipeline guarded{cold, *circuit_};
    const auto call = [this] { return hot_offer(); };
    const fusebox::default_classifier any_error_counts;
    const fusebox::asio::runtime time{clock_};
    const auto found = co_await fusebox::asio::execute(guarded, call, any_error_counts, time);
    const json text = found.value();  // the fallback answers whatever the error
    co_return stage::json_response(200, text.dump(-1, ' ', false, json::error_handler_t::replace));
}

// What the circuit protects: a status from 400, no answer in time, and no answer are failures.
net::awaitable<std::expected<std::string, std::string>> offer_service::hot_offer() {
    listener_.before_call();
    const request question{"GET", settings_.partner_url + "/offer/hot"};
    const auto answer = co_await client_.send(question, settings_.request_timeout);
    if (!answer) {
        if (answer.error().code != http_errc::cancelled) log_request(question.url, answer.error().message);
        co_return std::unexpected(answer.error().message);
    }
    const auto outcome =
        fmt::format("\"HTTP/1.1 {} {}\"", answer->status, fusebox::http::reason_phrase(answer->status));
    log_request(question.url, outcome);
    if (answer->status >= 400) co_return std::unexpected(outcome);
    co_return answer->body;
}

void offer_service::log_request(const std::string& url, const std::string& outcome) const {
    if (!settings_.log_requests) return;
    log_(fmt::format("DEBUG [{:%Y-%m-%d %H:%M:%S}] httpx._client - HTTP Request: GET {} {}",
                     fmt::localtime(std::time(nullptr)), url, outcome));
}

response offer_service::circuit_state() const {
    const auto circuit = circuit_->snapshot();
    const json said{{"current_state", state_word(circuit.state)}, {"fail_counter", circuit.consecutive_failures}};
    return stage::json_response(200, said.dump());
}

offer_settings offer_settings::from(stage::environment& env, const std::string& partner_url) {
    offer_settings s;
    s.partner_url = env.url("PARTNER_URL", partner_url);
    s.fail_max = static_cast<std::uint32_t>(env.whole_number("FAIL_MAX", s.fail_max, 1, 1'000'000));
    s.reset_timeout = env.seconds("RESET_TIMEOUT", s.reset_timeout, std::chrono::milliseconds{1});
    const std::string level = env.text("HTTPX_LOG_LEVEL", "");
    s.log_requests = is_word(level, "debug") || is_word(level, "trace");
    if (!level.empty() && !s.log_requests)
        env.refuse("HTTPX_LOG_LEVEL=" + level + " must be debug or trace, or not set");
    return s;
}

}  // namespace offers
