// Service A: the page that a person looks at. It calls the API gateway through a circuit breaker.
//
//   GET /                the dashboard: the breaker's state, and buttons
//   GET /test-api        calls the gateway's /api/data through the breaker, and shows what came of it
//   GET /health-status   the same with the gateway's /health
//   GET /health          its own health as JSON: healthy whatever the breaker's state
//
// Thread-safe. `log` is called from many threads, one line at a time.
#pragma once

#include <health-check/dashboard_page.hpp>
#include <health-check/environment.hpp>
#include <http/client.hpp>
#include <http/server.hpp>

#include <fusebox/circuit_breaker.hpp>

#include <expected>
#include <functional>
#include <string>

namespace health_check {

struct frontend_settings {
    std::string service_b_url = "http://service-b:5001";
    std::uint32_t failure_threshold = 3;                            // failures in a row that open the circuit
    fusebox::duration recovery_timeout = std::chrono::seconds{20};  // how long it then stays open
    fusebox::duration request_timeout = std::chrono::seconds{10};

    // SERVICE_B_URL, CIRCUIT_FAILURE_THRESHOLD, CIRCUIT_RECOVERY_TIMEOUT (in seconds); `service_b_url` is
    // where the gateway is when the first is not set.
    static frontend_settings from(environment& env, const std::string& service_b_url = "http://service-b:5001");
};

class frontend {
public:
    using log_sink = std::function<void(const std::string& line)>;

    // `clock` is the breaker's, for tests; null is the system's.
    explicit frontend(
        frontend_settings settings, log_sink log = [](const std::string&) {},
        const fusebox::monotonic_clock* clock = nullptr);

    demo::http::routes routes();
    fusebox::circuit_breaker& breaker() { return breaker_; }

private:
    demo::http::response dashboard(const demo::http::request& asked);
    demo::http::response call_and_show(const std::string& path, const demo::http::request& asked);
    demo::http::response health();
    std::expected<std::string, std::string> call_service_b(const std::string& path, std::stop_token cancel);
    demo::http::response show(page_kind kind, call_outcome outcome, const demo::http::request& asked);

    const frontend_settings settings_;
    const log_sink log_;
    demo::http::client client_;
    fusebox::circuit_breaker breaker_;
};

}  // namespace health_check
