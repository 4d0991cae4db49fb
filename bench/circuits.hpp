// The breakers that are measured, by the names of their rows.
#pragma once

#include <fusebox/circuit_breaker.hpp>

namespace bench {

using namespace std::chrono_literals;

inline fusebox::circuit_breaker_options consecutive() {
    return {.consecutive_failures = 5};
}

inline fusebox::circuit_breaker_options consecutive_counted() {
    return {.consecutive_failures = 5, .window = fusebox::count_window{10}};
}

inline fusebox::circuit_breaker_options count_100() {
    return {.failure_rate_threshold = 0.5, .window = fusebox::count_window{100}};
}

inline fusebox::circuit_breaker_options time_10s() {
    return {.failure_rate_threshold = 0.5, .window = fusebox::time_window{10, 1s}};
}

inline fusebox::circuit_breaker_options time_10s_slow_rule() {
    return {.failure_rate_threshold = 0.5, .slow_call_duration = 1s, .window = fusebox::time_window{10, 1s}};
}

// Opens at its first failure, for as long as any benchmark runs.
inline fusebox::circuit_breaker_options fragile() {
    return {.consecutive_failures = 1, .open_for = 24h, .open_cap = 24h, .open_jitter = 0.0, .open_max = 24h};
}

// Fills the window with successes, so that the breaker is as it is when all is well.
inline void warm(fusebox::circuit_breaker& breaker) {
    for (int i = 0; i < 200; ++i) static_cast<void>(breaker.call([] { return 0; }));
}

inline void fail_once(fusebox::circuit_breaker& breaker) {
    if (auto permit = breaker.try_acquire()) permit->settle(fusebox::verdict::failure);
}

}  // namespace bench
