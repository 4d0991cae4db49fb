// The policies that pipelines are measured with, as a service would set them up.
#pragma once

#include "circuits.hpp"

#include <fusebox/adaptive_limiter.hpp>
#include <fusebox/bulkhead.hpp>
#include <fusebox/chaos.hpp>
#include <fusebox/fallback.hpp>
#include <fusebox/hedge.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/rate_limiter.hpp>
#include <fusebox/retry.hpp>
#include <fusebox/throttler.hpp>

namespace bench {

// All is well with each of them.
struct policies {
    fusebox::retry again;
    fusebox::circuit_breaker counted{"bench", count_100()};
    fusebox::circuit_breaker timed{"bench", time_10s()};
    fusebox::circuit_breaker open{"bench", fragile()};
    fusebox::bulkhead places;
    fusebox::timeout per_try{fusebox::timeout_options::per_try()};  // 3 s: reads the coarse clock
    fusebox::timeout short_limit{500ms};                            // reads the exact one
    fusebox::adaptive_limiter adaptive;
    fusebox::throttler throttle;
    fusebox::chaos monkey{{.enabled = false}, fusebox::steady_now()};
    fusebox::hedge second{{.delay = 1s}};  // idle: nothing here takes so long

    policies() {
        warm(counted);
        warm(timed);
        fail_once(open);
    }
};

}  // namespace bench
