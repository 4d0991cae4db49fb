// Both services of the fault-injection demo over real sockets; time stands still, and what they log is kept.
#pragma once

#include "logbook.hpp"

#include <fault-injection/service_a.hpp>
#include <fault-injection/service_b.hpp>

#include <fusebox/testing/manual_clock.hpp>

namespace e2e {

using fault_injection::service_a;
using fault_injection::service_a_settings;
using fault_injection::service_b;
using fault_injection::service_b_settings;

class fault_injection_test : public testing::Test {
protected:
    explicit fault_injection_test(fusebox::duration latency = 0s, fusebox::duration request_timeout = 3s)
        : b{{.latency_min = latency, .latency_max = latency, .seed = 1}, log_b.sink()},
          b_server{serve(b.routes())},
          a{on_loop(), {.service_b_url = url_of(b_server), .request_timeout = request_timeout}, log_a.sink(), &clock},
          a_server{serve(a.routes())} {}

    answer visit(const std::string& path, const std::string& headers = "") const {
        return get(a_server.port(), path, headers);
    }
    answer press(const std::string& control) const { return post(a_server.port(), "/service-b/" + control); }
    answer call() const { return visit("/call-service-b"); }
    json status() const { return json::parse(visit("/circuit-status").body); }
    std::string state() const { return status()["state"]; }

    logbook log_a;
    logbook log_b;
    fusebox::testing::manual_clock clock;
    service_b b;
    server b_server;
    service_a a;
    server a_server;
};

}  // namespace e2e
