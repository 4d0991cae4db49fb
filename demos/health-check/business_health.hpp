// Whether the business is well, not only the process: health checks of one's own, which look at what the data say.
//
//   GET /health/business   200 when all of them pass, or 503; as application/health+json
//
//   records    the database has as many records as there must be
//   freshness  the data it gives were made just now
//
// For one thread, that of `on`.
#pragma once

#include <stage/environment.hpp>
#include <stage/server.hpp>

#include <fusebox/http/client.hpp>

#include <cstdint>
#include <string>

namespace health_check {

struct business_health_settings {
    std::uint64_t least_records = 1;
    fusebox::duration oldest_data = std::chrono::seconds{60};
    fusebox::duration timeout = std::chrono::seconds{3};

    // BUSINESS_LEAST_RECORDS, BUSINESS_OLDEST_DATA (in seconds).
    static business_health_settings from(stage::environment& env);
};

class business_health {
public:
    business_health(boost::asio::any_io_executor on, std::string service_c_url, business_health_settings settings);

    boost::asio::awaitable<stage::response> check();

private:
    struct finding;
    boost::asio::awaitable<finding> records();
    boost::asio::awaitable<finding> freshness();

    const std::string service_c_url_;
    const business_health_settings settings_;
    fusebox::http::client client_;
};

}  // namespace health_check
