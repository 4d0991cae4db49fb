// Nothing that a protected call does on its way allocates; not even one that is refused, or fails.

#include "allocation_count.hpp"
#include "pipelines.hpp"

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

// The policies, each alone and the usual four together. (A hedge is not among them: it starts threads.)
TEST(blocking_pipelines, allocate_nothing_on_the_happy_path) {
    bench::policies p;
    const auto allocates_nothing = [](auto&... policy) {
        fusebox::pipeline calls{policy...};
        EXPECT_EQ(allocations_of([&] { EXPECT_TRUE(calls.call([] { return 1; })); }), 0u);
    };
    fusebox::token_bucket tokens{{.rate = 1e6, .burst = 1'000'000}};
    allocates_nothing();
    allocates_nothing(p.again);
    allocates_nothing(p.counted);
    allocates_nothing(p.places);
    allocates_nothing(p.per_try);
    allocates_nothing(p.short_limit);
    allocates_nothing(p.adaptive);
    allocates_nothing(p.throttle);
    allocates_nothing(p.monkey);
    allocates_nothing(tokens);
    allocates_nothing(p.again, p.counted, p.places, p.per_try);
    allocates_nothing(p.again, p.timed, p.places, p.per_try);
}

TEST(blocking_pipelines, allocate_nothing_for_a_refusal) {
    bench::policies p;
    fusebox::pipeline calls{p.again, p.open, p.places, p.per_try};
    EXPECT_EQ(allocations_of([&] { EXPECT_FALSE(calls.call([] { return 1; })); }), 0u);
}

}  // namespace
