// Nothing that a protected call does on its way allocates; not even one that is refused, or fails.

#include "allocation_count.hpp"
#include "circuits.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using fusebox::circuit_breaker;
using fusebox::verdict;

// The allocations of a thousand calls of `step`, after the first one.
template <class Step>
std::uint64_t allocations_of(Step step) {
    step();
    const auto before = bench::allocations();
    for (int i = 0; i < 1000; ++i) step();
    return bench::allocations() - before;
}

TEST(allocation_count, sees_what_operator_new_gives) {
    const auto before = bench::allocations();
    const std::string text(100, 'x');
    EXPECT_EQ(text.size(), 100u);
    EXPECT_EQ(bench::allocations() - before, 1u);
}

class healthy_calls : public testing::TestWithParam<fusebox::circuit_breaker_options (*)()> {};

TEST_P(healthy_calls, allocate_nothing) {
    circuit_breaker breaker{"test", GetParam()()};
    EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(breaker.call([] { return 1; })); }), 0u);
    EXPECT_EQ(allocations_of([&] { breaker.try_acquire()->settle(verdict::success); }), 0u);
}

INSTANTIATE_TEST_SUITE_P(all, healthy_calls,
                         testing::Values(bench::consecutive, bench::consecutive_counted, bench::count_100,
                                         bench::time_10s, bench::time_10s_slow_rule));

TEST_P(healthy_calls, allocate_nothing_when_one_in_ten_fails) {
    circuit_breaker breaker{"test", GetParam()()};
    bench::warm(breaker);
    int i = 0;
    EXPECT_EQ(allocations_of([&] {
                  const auto how = ++i % 10 == 0 ? verdict::failure : verdict::success;
                  breaker.try_acquire()->settle(how);
              }),
              0u);
}

TEST(refused_calls, allocate_nothing) {
    circuit_breaker breaker{"test", bench::fragile()};
    bench::fail_once(breaker);
    ASSERT_EQ(breaker.state(), fusebox::circuit_state::open);
    EXPECT_EQ(allocations_of([&] { EXPECT_FALSE(breaker.call([] { return 1; })); }), 0u);
    EXPECT_EQ(allocations_of([&] { EXPECT_FALSE(breaker.try_acquire()); }), 0u);
    breaker.force_open();
    EXPECT_EQ(allocations_of([&] { EXPECT_FALSE(breaker.call([] { return 1; })); }), 0u);
}

TEST(disabled_calls, allocate_nothing) {
    circuit_breaker breaker{"test", bench::count_100()};
    breaker.disable();
    EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(breaker.call([] { return 1; })); }), 0u);
}

}  // namespace
