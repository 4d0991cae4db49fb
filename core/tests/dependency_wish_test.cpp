// How far a dependency's Retry-After may move the wait of an open circuit.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

struct dependency_wish : ::testing::Test {
    fusebox::testing::manual_clock clock;
    circuit_breaker_options o{.consecutive_failures = 1, .open_multiplier = 2, .open_jitter = 0, .half_open_calls = 1};

    // The waits of a circuit that opens and re-opens twice, each time with this wish.
    std::vector<duration> waits(std::optional<duration> wish) {
        circuit_breaker b{"b", o, &clock};
        std::vector<duration> all;
        for (int i = 0; i < 3; ++i) {
            b.try_acquire().value().settle({verdict::failure, {}, wish});
            all.push_back(b.snapshot().retry_after);
            clock.advance(all.back());
        }
        return all;
    }
};

using durations = std::vector<duration>;

}  // namespace

TEST_F(dependency_wish, never_shortens_the_sequences_own_wait) {
    for (const duration wish : {duration::min(), duration{-1h}, duration{0}, duration{1}, duration{1s}, duration{5s}})
        EXPECT_EQ(waits(wish), (durations{5s, 10s, 20s})) << wish.count();
}

TEST_F(dependency_wish, lengthens_it_up_to_open_max) {
    EXPECT_EQ(waits(9s), (durations{9s, 10s, 20s}));
    EXPECT_EQ(waits(30s), (durations{30s, 30s, 30s}));
    EXPECT_EQ(waits(duration::max()), (durations{5min, 5min, 5min}));
}

TEST_F(dependency_wish, shortens_it_as_far_as_open_min_where_that_is_set) {
    o.open_min = 2s;
    EXPECT_EQ(waits(3s), (durations{3s, 3s, 3s}));
    EXPECT_EQ(waits(1ms), (durations{2s, 2s, 2s}));
    EXPECT_EQ(waits(0s), (durations{5s, 10s, 20s})) << "zero is no wish";
    EXPECT_EQ(waits(-1h), (durations{5s, 10s, 20s})) << "nor is the past";
    EXPECT_EQ(waits({}), (durations{5s, 10s, 20s}));
}

TEST_F(dependency_wish, cannot_switch_a_breaker_of_default_options_off) {
    circuit_breaker b{"b", circuit_breaker_options{}, &clock};
    int reached = 0;
    for (int ms = 0; ms < 60'000; ms += 10, clock.advance(10ms))
        if (auto p = b.try_acquire()) ++reached, p->settle({verdict::failure, {}, duration{0}});
    EXPECT_LT(reached, 40) << "of 6000";
}
