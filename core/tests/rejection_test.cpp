#include <fusebox/error.hpp>

#include <gtest/gtest.h>

using namespace fusebox;
using namespace std::chrono_literals;

TEST(rejection, says_in_whole_seconds_rounded_up_when_to_retry) {
    EXPECT_EQ((rejection{errc::circuit_open, 4001ms}.message()), "Circuit breaker is OPEN. Retry in 5s");
    EXPECT_EQ((rejection{errc::circuit_open, 0ms}.message()), "Circuit breaker is OPEN");
    EXPECT_EQ((rejection{errc::bulkhead_full, {}}.message()), "bulkhead full: too many concurrent requests");
}

TEST(rejection, converts_to_an_error_code_of_its_own_category) {
    const std::error_code code = errc::rate_limited;
    EXPECT_STREQ(code.category().name(), "fusebox");
    EXPECT_EQ(code.message(), "Rate limit reached");
    EXPECT_EQ(make_error_code(errc::parent_open).message(), "Parent circuit is OPEN");
    EXPECT_EQ(make_error_code(errc::budget_exhausted).message(), "Retry budget is exhausted");
    EXPECT_EQ(make_error_code(errc::timed_out).message(), "Call timed out");
    EXPECT_EQ(make_error_code(errc::cancelled).message(), "Call was cancelled");
    EXPECT_EQ(std::error_code(99, error_category()).message(), "Unknown refusal 99");
}

TEST(ceil_seconds, rounds_up_and_never_goes_below_zero) {
    EXPECT_EQ(ceil_seconds(1ns), 1s);
    EXPECT_EQ(ceil_seconds(2s), 2s);
    EXPECT_EQ(ceil_seconds(-5s), 0s);
}
