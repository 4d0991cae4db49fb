// Calls to other services, each through a circuit breaker of its own.
//
//   request_options how;
//   how.params = {{"quantity", "2"}};
//   const auto stock = co_await services.request_with_cb("product", url, "GET", "/products/1/stock", std::move(how));
//   if (!stock) co_return stock.error().as_response();      // 502 or 503, with {"detail": …}
//
// A breaker is made when its service is first called, and is called "product-breaker". An answer is an answer, whatever
// its status; only a call without one is a failure of the service, unless its setting counts 5xx, too.
//
// For one thread, that of `on`.
#pragma once

#include <orders/breaker_settings.hpp>
#include <orders/json_body.hpp>
#include <stage/metrics.hpp>

#include <fusebox/circuit_breaker_registry.hpp>
#include <fusebox/http/client.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace orders {

struct request_options {
    request_options() = default;  // no aggregate, so that one may be made in an expression with co_await

    fusebox::duration timeout = std::chrono::seconds{5};
    std::vector<fusebox::http::field> headers{};
    std::vector<fusebox::http::field> params{};  // of the query; encoded here
    std::optional<json> body{};
    bool counted = true;  // false: what comes of it says nothing of the service
};

struct service_failure {
    int status = 0;  // 502: no answer came; 503: refused here; or what the service itself answered, 503 too
    std::string detail{};
    fusebox::duration retry_after{0};
    bool refused_by_breaker = false;  // then, and only then, the service has surely not heard of the request

    response as_response() const;
};

class guarded_services {
public:
    using log_sink = std::function<void(const std::string& line)>;
    using result = std::expected<response, service_failure>;

    // `clock` is the breakers', for tests; null is the system's.
    guarded_services(
        boost::asio::any_io_executor on, breaker_settings settings, log_sink log = [](const std::string&) {},
        const fusebox::monotonic_clock* clock = nullptr);

    boost::asio::awaitable<result> request_with_cb(std::string service, std::string base_url, std::string method,
                                                   std::string path, request_options how = request_options());

    // The breaker of a service; null while it was not called. May be asked from any thread.
    std::shared_ptr<fusebox::circuit_breaker> find(const std::string& service) const;
    const breaker_settings& settings() const { return settings_; }
    fusebox::circuit_breaker_registry& breakers() { return breakers_; }
    // Those there are so far, for Prometheus; the label `service` is "product", not its breaker's name.
    response metrics() const;
    // Connections at rest.
    std::size_t idle_connections() const { return client_.idle(); }

private:
    std::shared_ptr<fusebox::circuit_breaker> breaker_of(const std::string& service);
    service_failure unreachable(const std::string& service, const fusebox::http::http_error& why) const;
    service_failure refused(const std::string& service, const fusebox::circuit_breaker& by,
                            const fusebox::rejection& why) const;

    const breaker_settings settings_;
    const log_sink log_;
    const fusebox::monotonic_clock* const clock_;
    fusebox::http::client client_;
    fusebox::circuit_breaker_registry breakers_;
    stage::circuit_metrics metrics_;
};

}  // namespace orders
