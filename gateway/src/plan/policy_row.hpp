// The policies of a route as a pipeline has them: which, in which order, and what the routes to an upstream share.
//
// Thread-safety: functions of their arguments; shared_policies belongs to who makes a plan.
#pragma once

#include <fusebox/gateway/configuration.hpp>

#include <fusebox/dynamic_pipeline.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace fusebox::gateway {

// What the routes to an upstream share. Null is what they do not.
struct shared_policies {
    std::shared_ptr<circuit_breaker> breaker;  // made for the first route that asks for one of this scope
    std::optional<policy_spec> rate_limit;
    std::shared_ptr<throttler> throttle;
    std::shared_ptr<retry_budget> budget;
    std::shared_ptr<fusebox::bulkhead> bulkhead;
    std::shared_ptr<adaptive_limiter> adaptive_limit;

    explicit shared_policies(const upstream_configuration& u);
};

// The policies of a route in the order of docs/pipeline.md, each followed by that of its upstream. `time` is null for
// the system's.
std::vector<policy_spec> policy_row(const route_configuration& r, shared_policies& shared, const monotonic_clock* time);

// Everything that makes the policies of these routes unfit to be served, by path: "routes[0].hedge".
std::vector<config_error> check_policies(const configuration& c);

}  // namespace fusebox::gateway
