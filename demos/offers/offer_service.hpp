// Our offers: hot ones from the partner while it is well, cold ones of our own otherwise. Its clients never notice.
//
//   GET /offer            a JSON string, and always 200: "Hot offer 24:48", or "Cold offer fallback 47:32"
//   GET /offer/circuit    {"current_state":"closed","fail_counter":0}; or open, half-open
//   GET /metrics          the circuit, for Prometheus
//   GET /health           200, whatever the circuit
//
// For one thread, that of `on`, but for circuit(). Several of them may share a circuit, through its storage.
#pragma once

#include <offers/circuit_storage.hpp>
#include <offers/log_listener.hpp>
#include <stage/environment.hpp>
#include <stage/metrics.hpp>
#include <stage/server.hpp>

#include <fusebox/http/client.hpp>

#include <expected>
#include <memory>
#include <string>

namespace offers {

using stage::request;
using stage::response;

struct offer_settings {
    std::string partner_url = "http://127.0.0.1:8000";
    std::uint32_t fail_max = 3;                                  // failures in a row that open the circuit
    fusebox::duration reset_timeout = std::chrono::seconds{15};  // how long it then stays open
    fusebox::duration request_timeout = std::chrono::seconds{2};
    bool log_requests = false;  // a line for each request to the partner

    // PARTNER_URL, FAIL_MAX, RESET_TIMEOUT (in seconds), HTTPX_LOG_LEVEL (debug or trace). `partner_url` is where the
    // partner is when the first is not set.
    static offer_settings from(stage::environment& env, const std::string& partner_url = "http://127.0.0.1:8000");
};

class offer_service {
public:
    using log_sink = log_listener::log_sink;

    // `clock` is that of the storage's circuits, for tests; null is the system's.
    offer_service(
        boost::asio::any_io_executor on, offer_settings settings, circuit_storage& storage,
        log_sink log = [](const std::string&) {}, const fusebox::monotonic_clock* clock = nullptr);

    stage::routes routes();
    fusebox::circuit_breaker& circuit() { return *circuit_; }

private:
    boost::asio::awaitable<response> offer();
    boost::asio::awaitable<std::expected<std::string, std::string>> hot_offer();
    void log_request(const std::string& url, const std::string& outcome) const;
    response circuit_state() const;

    const offer_settings settings_;
    const log_sink log_;
    const fusebox::monotonic_clock* const clock_;
    fusebox::http::client client_;
    const std::shared_ptr<fusebox::circuit_breaker> circuit_;
    stage::circuit_metrics metrics_;
    log_listener listener_;
};

}  // namespace offers
