#include <fusebox/timeout.hpp>

#include <gtest/gtest.h>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {
constexpr time_point start{1000s};
}

TEST(timeout, strikes_after_its_limit) {
    const timeout t({.limit = 2s});
    EXPECT_EQ(t.deadline(start), start + 2s);
    EXPECT_TRUE(t.owns_deadline(start));
}

TEST(timeout, gives_way_to_a_nearer_one_around_it) {
    const timeout per_try(timeout_options::per_try());
    const time_point total = timeout(timeout_options::total()).deadline(start);
    EXPECT_EQ(per_try.deadline(start, total), start + 3s);
    EXPECT_TRUE(per_try.owns_deadline(start, total));

    const time_point late_try = start + 8s;  // 2 s are left of the total 10 s
    EXPECT_EQ(per_try.deadline(late_try, total), total);
    EXPECT_FALSE(per_try.owns_deadline(late_try, total));
}

TEST(timeout, leaves_a_tie_to_the_outer_one) {
    const timeout t({.limit = 2s});
    EXPECT_EQ(t.deadline(start, start + 2s), start + 2s);
    EXPECT_FALSE(t.owns_deadline(start, start + 2s));
}

TEST(timeout, keeps_an_outer_deadline_that_is_past) {
    EXPECT_EQ(timeout({.limit = 2s}).deadline(start, start - 1s), start - 1s);
}

TEST(timeout, saturates_instead_of_striking_in_the_past) {
    const timeout endless({.limit = duration::max()});
    EXPECT_EQ(endless.deadline(start), time_point::max());
    EXPECT_FALSE(endless.owns_deadline(start)) << "there is none to own";
    EXPECT_EQ(timeout({.limit = 1s}).deadline(time_point::max() - 1ns), time_point::max());
}

TEST(timeout, refuses_a_limit_that_leaves_no_time) {
    EXPECT_EQ(timeout_options{}.validate().at(0).message(), "limit = 0s: must be above 0");
    EXPECT_THROW(timeout({.limit = -1s}), configuration_error);
    EXPECT_TRUE(timeout_options::per_try().validate().empty());
    EXPECT_TRUE(timeout_options::total().validate().empty());
}
