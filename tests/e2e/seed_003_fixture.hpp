// What the tests of seed 003 share: its breaker, on a clock in the test's hand.
#pragma once

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>

namespace e2e {

using namespace fusebox;
using namespace std::chrono_literals;

using result = std::expected<std::string, std::string>;

// The seed's parameters by its own names, and what they are here.
struct seed_parameters {
    std::uint32_t failure_threshold = 5;
    fusebox::duration recovery_timeout = 60s;
    std::uint32_t success_threshold = 1;

    circuit_breaker_options options() const {
        return {.failure_count_threshold = failure_threshold,
                .window = time_window{60, 1s},
                .open_for = recovery_timeout,
                .open_multiplier = 1,
                .open_jitter = 0,
                .half_open_calls = success_threshold,
                .half_open_successes = success_threshold};
    }
};

inline void fail(circuit_breaker& b, int times = 1) {
    for (int i = 0; i < times; ++i) (void)b.call([]() -> result { return std::unexpected("fail"); });
}
inline void succeed(circuit_breaker& b, int times = 1) {
    for (int i = 0; i < times; ++i) (void)b.call([]() -> result { return "success"; });
}
// What a caller hears who is refused; "called" for one who is not.
inline std::string refusal(circuit_breaker& b) {
    const auto answer = b.call([] { return 1; });
    return answer ? "called" : answer.error().message();
}

}  // namespace e2e
