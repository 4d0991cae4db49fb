// Each policy in its place in a pipeline, driven blocking.
#include <fusebox/bulkhead.hpp>
#include <fusebox/chaos.hpp>
#include <fusebox/fallback.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/rate_limiter.hpp>
#include <fusebox/testing/manual_runtime.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

namespace {

using answer = std::expected<int, std::string>;

struct blocking_policies : ::testing::Test {
    fusebox::testing::manual_runtime runtime;
    circuit_breaker breaker{"b", {.consecutive_failures = 3, .open_jitter = 0, .half_open_calls = 1}, &runtime.time};
};

}  // namespace

TEST_F(blocking_policies, a_queued_caller_gets_the_slot_that_becomes_free) {
    bulkhead one{{.max_concurrent = 1, .queue = 1, .queue_wait = 5s}};
    pipeline p{one};
    p.use(runtime);
    auto held = one.enter(runtime.time.now());
    ASSERT_TRUE(held);
    runtime.during_wait = [&](duration) { held->settle(verdict::success, runtime.time.now()); };
    EXPECT_EQ(p.call([]() -> answer { return 3; }), 3);
    EXPECT_THAT(runtime.waits, ElementsAre(5s));
}

TEST_F(blocking_policies, a_queue_is_left_when_its_wait_is_over) {
    bulkhead one{{.max_concurrent = 1, .queue = 1, .queue_wait = 5s}};
    pipeline p{one};
    p.use(runtime);
    auto held = one.enter(runtime.time.now());
    EXPECT_EQ(p.call([]() -> answer { return 3; }).error().rejected()->code, errc::bulkhead_full);
    EXPECT_EQ(runtime.time.now(), time_point{5s});
    pipeline hurried{timeout{2s}, one};
    hurried.use(runtime);
    EXPECT_EQ(hurried.call([]() -> answer { return 3; }).error().rejected()->code, errc::timed_out);
}

// Time runs out in a queue, and at that very moment a slot becomes free.
struct late_grant final : blocking_runtime {
    const monotonic_clock* clock() const noexcept override { return &time; }
    void wait(bell& b, time_point until, const std::stop_token& stop) override {
        if (at_end_of_queue) std::exchange(at_end_of_queue, {})();
        else if (b.wait_until(time_point{}, stop)) return;
        time.advance(until - time.now());
    }
    fusebox::testing::manual_clock time;
    std::function<void()> at_end_of_queue;
};

TEST(blocking_driver, a_grant_that_nobody_waited_for_does_not_cut_a_later_backoff_short) {
    late_grant runtime;
    bulkhead one{{.max_concurrent = 1, .queue = 1, .queue_wait = 5s}};
    retry again{{.max_attempts = 2, .jitter = jitter_kind::none, .without_budget = true}};
    pipeline p{again, one};
    p.use(runtime);
    auto held = one.enter(runtime.time.now());
    runtime.at_end_of_queue = [&] { held->abandon(); };
    std::vector<time_point> tries;
    (void)p.call([&]() -> answer { return tries.push_back(runtime.time.now()), std::unexpected("down"); });
    EXPECT_THAT(tries, ElementsAre(time_point{5s}, time_point{5100ms}));
}

TEST_F(blocking_policies, a_rate_limiter_delays_and_never_past_the_deadline) {
    token_bucket bucket{{.rate = 1, .burst = 1, .max_wait = 10s}};
    pipeline p{bucket};
    p.use(runtime);
    EXPECT_EQ(p.call([]() -> answer { return 1; }), 1);
    EXPECT_EQ(p.call([]() -> answer { return 2; }), 2);
    EXPECT_THAT(runtime.waits, ElementsAre(1s));
    pipeline hurried{timeout{500ms}, bucket};
    hurried.use(runtime);
    EXPECT_EQ(hurried.call([]() -> answer { return 3; }).error().rejected()->code, errc::rate_limited);
}

TEST_F(blocking_policies, chaos_fails_delays_and_answers_in_the_operations_place) {
    chaos monkey{{.fault_rate = 1.0}, runtime.time.now()};
    pipeline p{breaker, monkey};
    p.use(runtime);
    int calls = 0;
    const auto op = [&]() -> answer { return ++calls; };
    EXPECT_THROW((void)p.call(op), injected_fault);
    EXPECT_EQ(breaker.snapshot().totals.failures, 1u);
    ASSERT_TRUE(monkey.apply({.fault_rate = 0, .latency_rate = 1.0, .latency = 2s}, runtime.time.now()));
    EXPECT_EQ(p.call(op), 1);
    EXPECT_THAT(runtime.waits, ElementsAre(2s));
    ASSERT_TRUE(monkey.apply({.fault_rate = 0, .result_rate = 1.0}, runtime.time.now()));
    pipeline lying{false_answers{monkey, answer{99}}};
    lying.use(runtime);
    EXPECT_EQ(lying.call(op), 99);
    EXPECT_EQ(calls, 1);
}

TEST_F(blocking_policies, a_fallback_serves_the_last_good_value_while_the_circuit_is_open) {
    last_good<int> store;
    pipeline p{fallback{when_refused(stale(store, 1min)), when_failed(-1)}, breaker};
    p.use(runtime);
    EXPECT_EQ(p.call([]() -> answer { return 42; }), 42);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(p.call([]() -> answer { return std::unexpected("down"); }), -1);
    EXPECT_EQ(p.call([]() -> answer { return 7; }), 42) << "open: nothing was called";
    runtime.time.advance(2min);
    breaker.force_open();
    EXPECT_EQ(p.call([]() -> answer { return 7; }).error().rejected()->code, errc::circuit_open) << "too old";
}

TEST_F(blocking_policies, a_hedge_lets_the_faster_attempt_win_and_the_breaker_hears_of_no_failure) {
    hedge twice{{.delay = 50ms}};
    std::latch second_has_won{1};
    std::atomic<int> attempts{0};
    runtime.during_wait = [&](duration) {
        while (attempts == 0) std::this_thread::yield();  // time does not pass before the first attempt runs
    };
    {
        pipeline p{twice, breaker};
        p.use(runtime);
        const auto r = p.call([&](const call_context& c) -> answer {
            if (attempts.fetch_add(1) == 1) return 2;
            second_has_won.wait();
            EXPECT_TRUE(c.stop_requested()) << "the loser is told";
            return std::unexpected("too late");
        });
        EXPECT_EQ(r, 2);
        second_has_won.count_down();
    }  // waits for the loser
    const auto totals = breaker.snapshot().totals;
    EXPECT_EQ(totals.successes, 1u);
    EXPECT_EQ(totals.failures, 0u);
    EXPECT_EQ(totals.ignored, 1u);
    EXPECT_EQ(twice.snapshot().won, 1u);
}
