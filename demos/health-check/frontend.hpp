// Service A: the page that a person looks at. It calls the API gateway through a circuit breaker.
//
//   GET /                the dashboard: the breaker's state, and buttons
//   GET /test-api        calls the gateway's /api/data through the breaker, and shows what came of it
//   GET /health-status   the same with the gateway's /health
//   GET /metrics         the breaker, for Prometheus
//   GET /health          its own health as JSON: healthy whatever the breaker's state
//
// For one thread, that of `on`, but for breaker().
#pragma once

#include <health-check/dashboard_page.hpp>
#include <stage/environment.hpp>
#include <stage/metrics.hpp>
#include <stage/server.hpp>

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/http/client.hpp>

#include <expected>
#include <functional>
#include <string>

namespace health_check {

using stage::request;
using stage::response;

struct frontend_settings {
    std::string service_b_url = "http://service-b:5001";
    std::uint32_t failure_threshold = 3;                            // failures in a row that open the circuit
    fusebox::duration recovery_timeout = std::chrono::seconds{20};  // how long it then stays open
    fusebox::duration request_timeout = std::chrono::seconds{10};

    // SERVICE_B_URL, CIRCUIT_FAILURE_THRESHOLD, CIRCUIT_RECOVERY_TIMEOUT (in seconds); `service_b_url` is
    // where the gateway is when the first is not set.
    static frontend_settings from(stage::environment& env, const std::string& service_b_url = "http://service-b:5001");
};

class frontend {
public:
    using log_sink = std::function<void(const std::string& line)>;

    // `clock` is the breaker's, for tests; null is the system's.
    frontend(
        boost::asio::any_io_executor on, frontend_settings settings, log_sink log = [](const std::string&) {},
        const fusebox::monotonic_clock* clock = nullptr);

    stage::routes routes();
    fusebox::circuit_breaker& breaker() { return breaker_; }

private:
    response dashboard(const request& asked);
    boost::asio::awaitable<response> call_and_show(std::string path, const request& asked);
    boost::asio::awaitable<std::expected<std::string, std::string>> call_service_b(std::string path);
    response show(page_kind kind, call_outcome outcome, const request& asked);
    response health();

    const frontend_settings settings_;
    const log_sink log_;
    const fusebox::monotonic_clock* const clock_;
    fusebox::http::client client_;
    fusebox::circuit_breaker breaker_;
    stage::circuit_metrics metrics_;
};

}  // namespace health_check
