#include <fusebox/gateway/pause_guard.hpp>

#include <gtest/gtest.h>

namespace {

using namespace fusebox;
using fusebox::gateway::pause_guard;
using namespace std::chrono_literals;

constexpr time_point start{1000s};

// F23: the process is frozen for 10 s while calls with a timeout of 1 s are in flight.
TEST(pause_guard, spoils_the_results_of_calls_that_a_pause_of_our_own_ran_through) {
    pause_guard pauses;
    const auto mark = pauses.mark();
    pauses.turn(start, start + 10s);
    EXPECT_TRUE(pauses.spoils(mark, 1s));
    EXPECT_FALSE(pauses.spoils(pauses.mark(), 1s));  // of a call that starts after it
}

TEST(pause_guard, lets_results_stand_while_it_was_late_by_half_the_timeout_or_less) {
    pause_guard pauses;
    const auto mark = pauses.mark();
    pauses.turn(start, start + 500ms);
    EXPECT_FALSE(pauses.spoils(mark, 1s));
    pauses.turn(start + 1s, start + 1s + 1ns);  // many small ones add up
    EXPECT_TRUE(pauses.spoils(mark, 1s));
}

TEST(pause_guard, does_not_take_an_early_turn_for_time_won_back) {
    pause_guard pauses;
    const auto mark = pauses.mark();
    pauses.turn(start, start + 600ms);
    pauses.turn(start + 2s, start + 1s);
    EXPECT_TRUE(pauses.spoils(mark, 1s));
}

}  // namespace
