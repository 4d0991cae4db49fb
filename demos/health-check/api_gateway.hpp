// Service B: stands between the frontend and the database, and tells how both of them are.
//
//   GET /health     its own health and that of the database: healthy, degraded (still 200), or 503
//   GET /health/business   see business_health.hpp
//   GET /ready      whether it can serve: 503 as long as the database cannot
//   GET /api/data   the database's answer, as it is; 504 when it took too long, 503 when it did not come
//
// For one thread, that of `on`. No breaker here: this service shows what happens without one.
#pragma once

#include <health-check/business_health.hpp>
#include <stage/environment.hpp>
#include <stage/server.hpp>

#include <fusebox/http/client.hpp>

namespace health_check {

using stage::request;
using stage::response;

struct api_gateway_settings {
    std::string service_c_url = "http://service-c:5000";
    fusebox::duration health_timeout = std::chrono::seconds{2};
    fusebox::duration data_timeout = std::chrono::seconds{3};
    fusebox::duration ready_timeout = std::chrono::seconds{1};

    business_health_settings business{};

    // SERVICE_C_URL, and those of business_health; `service_c_url` is where the database is when that is not set.
    static api_gateway_settings from(stage::environment& env,
                                     const std::string& service_c_url = "http://service-c:5000");
};

class api_gateway {
public:
    api_gateway(boost::asio::any_io_executor on, api_gateway_settings settings);

    stage::routes routes();

private:
    boost::asio::awaitable<response> health();
    boost::asio::awaitable<response> ready();
    boost::asio::awaitable<response> data();

    const api_gateway_settings settings_;
    fusebox::http::client client_;
    business_health business_;
};

}  // namespace health_check
