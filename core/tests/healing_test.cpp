// Opening, waiting, trying, healing: the sentences of docs/circuit-breaker.md on open and half-open.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

struct healing : ::testing::Test {
    fusebox::testing::manual_clock clock;

    static circuit_breaker_options one_failure() {
        return {.consecutive_failures = 1, .open_multiplier = 1, .open_jitter = 0, .half_open_calls = 1};
    }
    static void settle(circuit_breaker& b, verdict v, int times = 1) {
        for (int i = 0; i < times; ++i) b.try_acquire().value().settle(v);
    }
    // Opens, and waits until trials may begin.
    void trip_and_wait(circuit_breaker& b) {
        settle(b, verdict::failure);
        ASSERT_EQ(b.state(), circuit_state::open);
        clock.advance(b.snapshot().retry_after);
    }
};

}  // namespace

TEST_F(healing, the_wait_doubles_to_its_cap_and_starts_over_once_closed) {
    auto o = one_failure();
    o.open_for = 5s, o.open_multiplier = 2, o.open_cap = 15s;
    circuit_breaker b{"b", o, &clock};
    for (const auto wait : {5s, 10s, 15s, 15s}) {
        settle(b, verdict::failure);
        EXPECT_EQ(b.snapshot().retry_after, wait);
        clock.advance(wait);
    }
    settle(b, verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed);
    EXPECT_EQ(b.snapshot().reopenings, 0u);
    settle(b, verdict::failure);
    EXPECT_EQ(b.snapshot().retry_after, 5s);
}

TEST_F(healing, the_wait_is_jittered_within_its_share_and_by_the_seed) {
    auto o = one_failure();
    o.open_for = 10s, o.open_jitter = 0.2, o.seed = 42;
    circuit_breaker a{"a", o, &clock}, same{"b", o, &clock};
    duration least = 1h, most{0};
    for (int i = 0; i < 200; ++i) {
        settle(a, verdict::failure);
        settle(same, verdict::failure);
        const auto wait = a.snapshot().retry_after;
        EXPECT_EQ(wait, same.snapshot().retry_after) << "the seed decides";
        least = std::min(least, wait), most = std::max(most, wait);
        clock.advance(wait);
    }
    EXPECT_GE(least, 8s);
    EXPECT_LT(least, 8500ms);
    EXPECT_LE(most, 12s);
    EXPECT_GT(most, 11500ms);
}

TEST_F(healing, every_wait_stays_within_its_bounds) {
    auto o = one_failure();
    o.open_for = 1s, o.open_min = 2s, o.open_max = 30s;
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::failure);
    EXPECT_EQ(b.snapshot().retry_after, 2s);
    b.reset();
    b.try_acquire()->settle({verdict::failure, {}, 1h});
    EXPECT_EQ(b.snapshot().retry_after, 30s);
}

TEST_F(healing, only_the_failure_that_opens_sets_the_wait_and_the_next_returns_to_the_sequence) {
    auto o = one_failure();
    o.consecutive_failures = 2, o.open_multiplier = 2;
    circuit_breaker b{"b", o, &clock};
    b.try_acquire()->settle({verdict::failure, {}, 50s});
    b.try_acquire()->settle({verdict::failure, {}, 9s});
    EXPECT_EQ(b.snapshot().retry_after, 9s);
    clock.advance(9s);
    settle(b, verdict::failure);
    EXPECT_EQ(b.snapshot().retry_after, 10s);
    clock.advance(10s);
    b.try_acquire()->settle({verdict::success, {}, 90s});
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(healing, a_wait_without_end_neither_overflows_nor_ends) {
    auto o = one_failure();
    o.open_for = std::chrono::hours{24 * 365 * 100}, o.open_cap = o.open_max = duration::max(), o.open_multiplier = 100;
    circuit_breaker b{"b", o, &clock};
    for (int i = 0; i < 3; ++i) {
        settle(b, verdict::failure);
        EXPECT_GT(b.snapshot().retry_after, 1h);
        b.reset();
    }
    o.open_for = duration::max();
    circuit_breaker never{"n", o, &clock};
    settle(never, verdict::failure);
    clock.advance(10000h);
    EXPECT_FALSE(never.try_acquire());
    EXPECT_GT(never.try_acquire().error().retry_after, 1h);
}

TEST_F(healing, exactly_n_verdicts_decide_and_it_never_closes_early) {
    auto o = one_failure();
    o.half_open_calls = 3, o.half_open_concurrency = 2;
    circuit_breaker b{"b", o, &clock};
    trip_and_wait(b);
    auto first = b.try_acquire(), second = b.try_acquire();
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(b.try_acquire()) << "two at a time";
    first->settle(verdict::success);
    auto third = b.try_acquire();
    ASSERT_TRUE(third);
    second->settle(verdict::success);
    EXPECT_EQ(b.state(), circuit_state::half_open);
    EXPECT_FALSE(b.try_acquire()) << "three in all";
    const auto p = b.snapshot().half_open;
    EXPECT_EQ(p, (half_open_progress{.calls = 3, .in_flight = 1, .successes = 2, .share = 1.0}));
    third->settle(verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(healing, an_ignored_trial_decides_nothing_and_gives_its_place_back) {
    circuit_breaker b{"b", one_failure(), &clock};
    trip_and_wait(b);
    settle(b, verdict::ignored, 5);
    EXPECT_EQ(b.state(), circuit_state::half_open);
    settle(b, verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(healing, slow_trials_reopen) {
    circuit_breaker_options o{.slow_call_duration = 1s,
                              .slow_call_rate_threshold = 0.5,
                              .minimum_calls = 1,
                              .open_jitter = 0,
                              .half_open_calls = 2};
    circuit_breaker b{"b", o, &clock};
    b.try_acquire()->settle({verdict::success, 2s});
    clock.advance(5s);
    b.try_acquire()->settle({verdict::success, 2s});
    EXPECT_EQ(b.state(), circuit_state::open);
    EXPECT_EQ(b.snapshot().last_rule, trip_rule::trial_slow);
}

TEST_F(healing, a_late_result_is_counted_and_does_nothing_else) {
    circuit_breaker b{"b", one_failure(), &clock};
    auto late_failure = b.try_acquire(), late_success = b.try_acquire(), late_drop = b.try_acquire();
    trip_and_wait(b);
    auto trial = b.try_acquire();
    late_success->settle(verdict::success);
    EXPECT_EQ(b.state(), circuit_state::half_open) << "closes nothing";
    late_failure->settle(verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::half_open) << "opens nothing";
    late_drop->abandon();
    EXPECT_FALSE(b.try_acquire()) << "frees no place";
    EXPECT_EQ(b.snapshot().totals.late_results, 3u);
    EXPECT_EQ(b.snapshot().totals.abandoned, 0u);
    trial->settle(verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(healing, a_lost_trial_is_reclaimed_and_its_result_is_late) {
    circuit_breaker b{"b", one_failure(), &clock};  // the default lease: 10 s
    trip_and_wait(b);
    auto lost = b.try_acquire();
    clock.advance(10s - 1ns);
    EXPECT_EQ(b.state(), circuit_state::half_open);
    clock.advance(1ns);
    EXPECT_EQ(b.state(), circuit_state::open) << "as whoever comes now would find it";
    EXPECT_EQ(b.snapshot().generation, 4u);
    EXPECT_EQ(b.try_acquire().error().retry_after, 5s);
    EXPECT_EQ(b.snapshot().last_rule, trip_rule::trial_lost);
    EXPECT_EQ(b.snapshot().totals.trials_reclaimed, 1u);
    EXPECT_EQ(b.snapshot().totals.failures, 2u);
    EXPECT_EQ(b.snapshot().consecutive_failures, 2u);
    lost->settle(verdict::success);
    EXPECT_EQ(b.snapshot().totals.late_results, 1u);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(healing, each_reclaim_doubles_the_next_lease_until_the_circuit_closes) {
    circuit_breaker b{"b", one_failure(), &clock};
    trip_and_wait(b);
    for (const auto lease : {10s, 20s, 40s}) {
        auto slow = b.try_acquire();
        ASSERT_TRUE(slow);
        clock.advance(lease - 1ns);
        EXPECT_EQ(b.state(), circuit_state::half_open);
        clock.advance(1ns);
        b.poll();
        EXPECT_EQ(b.state(), circuit_state::open);
        clock.advance(5s);
    }
    auto slow_but_healthy = b.try_acquire();
    clock.advance(79s);
    slow_but_healthy->settle(verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed) << "believed at last";
    trip_and_wait(b);
    auto again = b.try_acquire();
    clock.advance(10s);
    EXPECT_EQ(b.state(), circuit_state::open) << "back to the first lease";
}

TEST_F(healing, one_lost_trial_of_several_counts_as_one_failure) {
    auto o = one_failure();
    o.failure_rate_threshold = 0.5, o.minimum_calls = 1;
    o.half_open_calls = 4, o.half_open_concurrency = 2;
    circuit_breaker b{"b", o, &clock};
    trip_and_wait(b);
    auto lost = b.try_acquire();
    clock.advance(10s);
    settle(b, verdict::success, 2);
    EXPECT_EQ(b.snapshot().half_open.failures, 1u);
    lost->settle(verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::half_open) << "late: it counts no second time";
    settle(b, verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed) << "one of four is not half";
}

TEST_F(healing, a_lease_of_zero_never_ends) {
    auto o = one_failure();
    o.trial_lease = 0s;
    circuit_breaker b{"b", o, &clock};
    trip_and_wait(b);
    auto held = b.try_acquire();
    clock.advance(10000h);
    EXPECT_EQ(b.state(), circuit_state::half_open);
    EXPECT_FALSE(b.try_acquire());
}

TEST_F(healing, a_timer_half_opens_without_traffic_where_asked) {
    auto o = one_failure();
    o.automatic_half_open = true;
    circuit_breaker automatic{"a", o, &clock}, lazy{"b", one_failure(), &clock};
    settle(automatic, verdict::failure);
    settle(lazy, verdict::failure);
    clock.advance(5s - 1ns);
    automatic.poll();
    EXPECT_EQ(automatic.state(), circuit_state::open);
    clock.advance(1ns);
    automatic.poll();
    lazy.poll();
    EXPECT_EQ(automatic.state(), circuit_state::half_open);
    EXPECT_EQ(lazy.state(), circuit_state::open);
}

TEST_F(healing, a_ramp_lets_traffic_back_by_shares_with_a_verdict_at_each_step) {
    auto o = one_failure();
    o.ramp = {.shares = {0.25, 0.5, 1.0}, .calls_per_step = 4};
    circuit_breaker b{"b", o, &clock};
    trip_and_wait(b);
    settle(b, verdict::success);  // the trial
    for (const double share : {0.25, 0.5, 1.0}) {
        EXPECT_EQ(b.state(), circuit_state::half_open);
        EXPECT_EQ(b.snapshot().half_open.share, share);
        int asked = 0;
        for (int admitted = 0; admitted < 4; ++asked)
            if (auto p = b.try_acquire()) p->settle(verdict::success), ++admitted;
        EXPECT_EQ(asked, int(4 / share));
    }
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(healing, a_success_threshold_is_for_the_trials_and_not_for_the_ramp) {
    auto o = one_failure();
    o.half_open_calls = 3, o.half_open_successes = 1, o.ramp = {.shares = {1.0}, .calls_per_step = 2};
    circuit_breaker b{"b", o, &clock};
    trip_and_wait(b);
    settle(b, verdict::success, 2);  // the trial, and half of the step
    EXPECT_EQ(b.state(), circuit_state::half_open);
    settle(b, verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(healing, shares_that_binary_cannot_write_are_exact_all_the_same) {
    auto o = one_failure();
    o.ramp = {.shares = {0.1, 0.3}, .calls_per_step = 1};
    circuit_breaker b{"b", o, &clock};
    trip_and_wait(b);
    settle(b, verdict::success);
    for (const int th : {10, 4}) {
        for (int i = 1; i < th; ++i) EXPECT_FALSE(b.try_acquire()) << i;
        settle(b, verdict::success);
    }
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(healing, a_failure_in_a_ramp_reopens) {
    auto o = one_failure();
    o.ramp = {.shares = {0.5, 1.0}, .calls_per_step = 4};
    circuit_breaker b{"b", o, &clock};
    trip_and_wait(b);
    settle(b, verdict::success);
    EXPECT_FALSE(b.try_acquire()) << "every second caller";
    settle(b, verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(healing, an_unset_rate_lets_any_failed_trial_reopen) {
    auto o = one_failure();
    o.half_open_calls = 3;
    circuit_breaker b{"b", o, &clock};
    trip_and_wait(b);
    settle(b, verdict::success, 2);
    settle(b, verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::open);
    EXPECT_EQ(b.snapshot().consecutive_failures, 1u);
}

TEST_F(healing, failures_in_a_row_are_counted_through_the_recovery) {
    auto o = one_failure();
    o.consecutive_failures = 3;
    circuit_breaker b{"b", o, &clock};
    settle(b, verdict::failure, 3);
    clock.advance(5s);
    settle(b, verdict::failure);
    EXPECT_EQ(b.snapshot().consecutive_failures, 4u);
}

TEST_F(healing, a_lease_that_is_set_later_frees_a_trial_that_hangs) {
    for (const duration hung : {0s, 3s, 3600s}) {
        auto o = one_failure();
        o.trial_lease = 0s;
        circuit_breaker b{"b", o, &clock};
        b.try_acquire()->settle(verdict::failure);
        clock.advance(5s);
        auto trial = b.try_acquire().value();
        clock.advance(hung);
        EXPECT_FALSE(b.try_acquire());
        o.trial_lease = 10s;
        ASSERT_TRUE(b.reconfigure(o));
        clock.advance(10s - std::min<duration>(hung, 10s));
        EXPECT_EQ(b.state(), circuit_state::open) << "10 s after the trial began, whenever the lease was set";
        EXPECT_FALSE(b.try_acquire());
        clock.advance(5s);
        EXPECT_TRUE(b.try_acquire());
    }
}
