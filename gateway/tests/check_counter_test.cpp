#include "endpoints/check_counter.hpp"

#include <gtest/gtest.h>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;
using namespace std::chrono_literals;

constexpr time_point start{1000s};
const check_options options{.enabled = true, .unhealthy_threshold = 3, .healthy_threshold = 2};

TEST(check_counter, is_off_when_there_are_no_checks_and_stays_so) {
    check_counter c(false);
    EXPECT_FALSE(c.record(false, options, start));
    EXPECT_EQ(c.state(), check_state::off);
}

TEST(check_counter, is_pending_until_the_first_check_which_decides_alone) {
    check_counter good(true), bad(true);
    EXPECT_EQ(good.state(), check_state::pending);
    EXPECT_TRUE(good.record(true, options, start));
    EXPECT_EQ(good.state(), check_state::up);
    EXPECT_TRUE(bad.record(false, options, start));
    EXPECT_EQ(bad.state(), check_state::down);
    EXPECT_EQ(bad.since(), start);
}

TEST(check_counter, goes_down_after_the_unhealthy_threshold_of_failures_in_a_row) {
    check_counter c(true);
    c.record(true, options, start);
    for (const bool pass : {false, false, true, false, false}) EXPECT_FALSE(c.record(pass, options, start + 1s));
    EXPECT_EQ(c.against(), 2u);
    EXPECT_TRUE(c.record(false, options, start + 2s));
    EXPECT_EQ(c.state(), check_state::down);
    EXPECT_EQ(c.since(), start + 2s);
}

TEST(check_counter, comes_back_after_the_healthy_threshold_of_passes_in_a_row) {
    check_counter c(true);
    c.record(false, options, start);
    for (const bool pass : {true, false, true}) EXPECT_FALSE(c.record(pass, options, start + 1s));
    EXPECT_TRUE(c.record(true, options, start + 2s));
    EXPECT_EQ(c.state(), check_state::up);
}

TEST(check_counter, refuses_thresholds_of_none) {
    EXPECT_TRUE(check_options{}.validate().empty());
    EXPECT_EQ((check_options{.unhealthy_threshold = 0, .healthy_threshold = 1001}.validate().size()), 2u);
}

}  // namespace
