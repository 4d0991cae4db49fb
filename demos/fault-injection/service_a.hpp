// Service A: calls service B through a circuit breaker, and has a page from which to break and to mend service B.
//
//   GET  /                            the page: the circuit's state, a link that makes a call, and the buttons
//   GET  /call-service-b              calls service B's /data through the breaker; JSON, the circuit's state in it
//   GET  /circuit-status              the circuit as JSON
//   POST /service-b/induce-failure    what a button sends: passed on to service B, once; then back to the page.
//                                     So are remove-failure, induce-latency and remove-latency
//   GET  /metrics                     the circuit, for Prometheus
//   GET  /health                      healthy whatever the circuit's state
//
// For one thread, that of `on`, but for breaker().
#pragma once

#include <fault-injection/control_page.hpp>
#include <stage/environment.hpp>
#include <stage/metrics.hpp>
#include <stage/server.hpp>

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/http/client.hpp>

#include <expected>
#include <functional>
#include <optional>
#include <string>

namespace fault_injection {

using stage::request;
using stage::response;

struct service_a_settings {
    std::string service_b_url = "http://service-b:5001";
    std::uint32_t failure_threshold = 3;                            // failures in a row that open the circuit
    fusebox::duration recovery_timeout = std::chrono::seconds{20};  // how long it then stays open
    fusebox::duration request_timeout = std::chrono::seconds{3};

    // SERVICE_B_URL; CIRCUIT_FAIL_MAX or CIRCUIT_FAILURE_THRESHOLD; CIRCUIT_RESET_TIMEOUT or CIRCUIT_RECOVERY_TIMEOUT
    // (in seconds). `service_b_url` is where service B is when the first is not set.
    static service_a_settings from(stage::environment& env, const std::string& service_b_url = "http://service-b:5001");
};

class service_a {
public:
    using log_sink = std::function<void(const std::string& line)>;

    // `clock` is the breaker's, for tests; null is the system's.
    service_a(
        boost::asio::any_io_executor on, service_a_settings settings, log_sink log = [](const std::string&) {},
        const fusebox::monotonic_clock* clock = nullptr);

    stage::routes routes();
    fusebox::circuit_breaker& breaker() { return breaker_; }

private:
    response page(const request& asked) const;
    boost::asio::awaitable<response> call_service_b();
    boost::asio::awaitable<std::expected<std::string, std::string>> fetch_data();
    response delivered(const std::string& data) const;
    response refused(const fusebox::rejection& why) const;
    response failed(const std::string& why) const;
    boost::asio::awaitable<response> press(std::string control);
    response circuit_status() const;
    std::string state() const;

    const service_a_settings settings_;
    const log_sink log_;
    const fusebox::monotonic_clock* const clock_;
    fusebox::http::client client_;
    fusebox::circuit_breaker breaker_;
    stage::circuit_metrics metrics_;
    std::optional<std::string> last_failure_;  // when
    last_press last_press_;
};

}  // namespace fault_injection
