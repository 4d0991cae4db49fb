// Active health checks: asks each endpoint of an upstream with `health_check` whether it is well, and tells the
// upstream, whose verdicts follow (endpoint_verdict.hpp).
//
// A check is one GET over a connection of its own. It passes when a whole response with an expected status comes in
// time; redirects are not followed. An endpoint is asked at once, again after a random part of the interval, and
// then once an interval: so the checks of many endpoints, and of gateways that start together, are spread over it.
//
// What is our own doing says nothing of the endpoint and is not recorded: no descriptor left, or a clock that ran
// out while this thread stood still.
//
// Thread-safety: begins, works and ends in the reactor's thread; reports() and expose() from any.
#pragma once

#include "endpoints/address_book.hpp"
#include "endpoints/upstream.hpp"

#include <fusebox/gateway/configuration.hpp>

#include <fusebox/http/client_connection.hpp>
#include <fusebox/metrics/exposition.hpp>
#include <fusebox/random.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fusebox::gateway {

// What is known of the checks of one endpoint.
struct check_report {
    std::string_view upstream;
    std::string_view endpoint;
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
    std::uint64_t unheard = 0;  // our own doing
    std::string last;           // "status 200", "connection refused", …; empty before the first
};

class health_checks {
public:
    // An upstream with `health_check`.
    struct checked {
        const upstream_configuration& configured;
        upstream& endpoints;
    };
    // All must outlive it. The endpoints are those that the upstreams have now.
    health_checks(std::span<const checked> upstreams, const address_book& addresses, http::reactor& loop,
                  std::uint64_t seed);
    // What is under way is cut off, and nothing is said of it.
    ~health_checks();
    health_checks(const health_checks&) = delete;
    health_checks& operator=(const health_checks&) = delete;

    std::vector<check_report> reports() const;
    void expose(metrics::exposition& out) const;

private:
    class probe;

    const address_book& addresses_;
    http::reactor& loop_;
    splitmix64 random_;
    http::head_limits limits_;
    http::connection_memory memory_{limits_, 16384};
    std::vector<std::unique_ptr<probe>> probes_;
};

}  // namespace fusebox::gateway
