// The health-check demo's services, with everything random or slow in the test's hand.
#pragma once

#include "demo_fixture.hpp"

#include <health-check/api_gateway.hpp>
#include <health-check/database.hpp>
#include <health-check/frontend.hpp>

#include <fusebox/testing/manual_clock.hpp>

namespace e2e {

// A database that never fails and never dawdles, unless told to.
inline health_check::database_settings healthy() {
    return {.health_fail_rate = 0, .data_fail_rate = 0, .data_latency_min = 0s, .data_latency_max = 0s, .seed = 1};
}

// The frontend alone, in front of what stands in for the gateway; time stands still.
class frontend_under_test {
public:
    explicit frontend_under_test(std::string service_b_url)
        : page{on_loop(), {.service_b_url = std::move(service_b_url)}, [](const std::string&) {}, &clock},
          server_(serve(page.routes())) {}

    answer visit(const std::string& path, const std::string& headers = "") const {
        return get(server_.port(), path, headers);
    }
    json health() const { return json::parse(visit("/health").body); }
    std::string state() const { return health()["circuit_breaker"]["state"]; }
    int failures() const { return health()["circuit_breaker"]["failures"]; }

    fusebox::testing::manual_clock clock;
    health_check::frontend page;

private:
    server server_;
};

}  // namespace e2e
