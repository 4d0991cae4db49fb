// Service B: stands between the frontend and the database, and tells how both of them are.
//
//   GET /health     its own health and that of the database: healthy, degraded (still 200), or 503
//   GET /ready      whether it can serve: 503 as long as the database cannot
//   GET /api/data   the database's answer, as it is; 504 when it took too long, 503 when it did not come
//
// Thread-safe. No breaker here: this service shows what happens without one.
#pragma once

#include <health-check/environment.hpp>
#include <http/client.hpp>
#include <http/server.hpp>

namespace health_check {

struct api_gateway_settings {
    std::string service_c_url = "http://service-c:5000";
    fusebox::duration health_timeout = std::chrono::seconds{2};
    fusebox::duration data_timeout = std::chrono::seconds{3};
    fusebox::duration ready_timeout = std::chrono::seconds{1};

    // SERVICE_C_URL; `service_c_url` is where the database is when that is not set.
    static api_gateway_settings from(environment& env, const std::string& service_c_url = "http://service-c:5000");
};

class api_gateway {
public:
    explicit api_gateway(api_gateway_settings settings);

    demo::http::routes routes();

private:
    demo::http::response health(const demo::http::request& asked);
    demo::http::response ready(const demo::http::request& asked);
    demo::http::response data(const demo::http::request& asked);

    const api_gateway_settings settings_;
    demo::http::client client_;
};

}  // namespace health_check
