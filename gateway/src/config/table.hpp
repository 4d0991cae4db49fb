// The table of all keys: their names, types, bounds and meanings, and the members they stand for. Defaults are not
// in it: they are those of the structs. Private.
#pragma once

#include "config/shape.hpp"

#include <fusebox/gateway/configuration.hpp>

namespace fusebox::gateway::config {

template <class T>
struct named {
    std::string name;
    T value{};
};

// What stands under `policies`. It is read to be checked; routes then read the same text again, in their own place.
struct policy_book {
    std::vector<named<route_timeouts>> timeout;
    std::vector<named<retry_configuration>> retry;
    std::vector<named<circuit_breaker_configuration>> circuit_breaker;
    std::vector<named<bulkhead_options>> bulkhead;
    std::vector<named<rate_limit_configuration>> rate_limit;
    std::vector<named<adaptive_limiter_options>> adaptive_limit;
    std::vector<named<throttler_options>> throttle;
    std::vector<named<hedge_options>> hedge;
    std::vector<named<chaos_configuration>> chaos;
    std::vector<named<fallback_configuration>> fallback;
    std::vector<named<cache_options>> cache;
};

// A file as a whole.
struct file_content {
    configuration value{};
    policy_book policies{};
};

// The shape of a file_content, made once.
const shape& table();

shape_of<route_timeouts> timeout_section();
shape_of<retry_configuration> retry_section();
shape_of<circuit_breaker_configuration> circuit_breaker_section();
shape_of<retry_budget_options> budget_section();
shape_of<bulkhead_options> bulkhead_section();
shape_of<rate_limit_configuration> rate_limit_section();
shape_of<adaptive_limiter_options> adaptive_limit_section();
shape_of<throttler_options> throttle_section();
shape_of<hedge_options> hedge_section();
shape_of<chaos_configuration> chaos_section();
shape_of<fallback_configuration> fallback_section();
shape_of<cache_options> cache_section();
shape_of<outcome_rules> outcomes_section();

shape_of<std::vector<upstream_configuration>> upstreams_map();

}  // namespace fusebox::gateway::config
