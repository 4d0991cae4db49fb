// What the searches of this folder have found, each told as a story.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace fusebox;
using namespace fusebox::testing;
using namespace std::chrono_literals;

// Trips at the first failure, waits 1 s, without jitter.
circuit_breaker_options nervous() {
    circuit_breaker_options o;
    o.consecutive_failures = 1;
    o.open_for = 1s;
    o.open_jitter = 0;
    return o;
}

void settle_one(circuit_breaker& b, report how) {
    auto permit = b.try_acquire();
    ASSERT_TRUE(permit);
    permit->settle(how);
}

TEST(circuit_breaker, a_round_of_trials_that_reconfiguration_makes_shorter_than_it_already_is_ends) {
    manual_clock clock;
    auto options = nervous();
    options.half_open_calls = 5;
    circuit_breaker b{"b", options, &clock};
    settle_one(b, verdict::failure);
    clock.advance(1s);
    for (int i = 0; i < 3; ++i) settle_one(b, verdict::success);
    ASSERT_EQ(b.state(), circuit_state::half_open);

    options.half_open_calls = 2;
    ASSERT_TRUE(b.reconfigure(options));
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST(circuit_breaker, successes_that_a_shorter_round_can_no_longer_bring_reopen_the_circuit) {
    manual_clock clock;
    auto options = nervous();
    options.half_open_calls = 6;
    options.half_open_successes = 2;
    circuit_breaker b{"b", options, &clock};
    settle_one(b, verdict::failure);
    clock.advance(1s);
    for (int i = 0; i < 4; ++i) settle_one(b, verdict::failure);
    settle_one(b, verdict::success);

    options.half_open_calls = 3;
    ASSERT_TRUE(b.reconfigure(options));
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST(circuit_breaker, verdicts_that_have_left_a_time_window_do_not_come_back_when_it_grows) {
    manual_clock clock;
    circuit_breaker_options options;
    options.window = time_window{2, 1s};
    circuit_breaker b{"b", options, &clock};
    settle_one(b, verdict::failure);
    clock.advance(3s);
    ASSERT_EQ(b.snapshot().window.calls, 0u);

    options.window = time_window{10, 1s};
    ASSERT_TRUE(b.reconfigure(options));
    EXPECT_EQ(b.snapshot().window.calls, 0u);
}

TEST(circuit_breaker, a_time_window_turned_into_a_short_count_window_keeps_as_many_slow_calls_as_fit) {
    manual_clock clock;
    circuit_breaker_options options;
    options.slow_call_duration = 1s;
    circuit_breaker b{"b", options, &clock};
    settle_one(b, {verdict::success, 2s});
    settle_one(b, verdict::success);

    options.window = count_window{1};
    ASSERT_TRUE(b.reconfigure(options));
    EXPECT_EQ(b.snapshot().window.slow_calls, 1u);
}

TEST(circuit_breaker, imported_totals_replace_those_that_threads_have_counted) {
    circuit_breaker b{"b"};
    settle_one(b, verdict::success);
    b.force_open();
    EXPECT_FALSE(b.try_acquire());
    b.import_state(b.export_state());
    EXPECT_EQ(b.snapshot().totals.successes, 1u);
    EXPECT_EQ(b.snapshot().totals.rejected, 1u);
}

TEST(circuit_breaker, an_export_counts_a_trial_past_its_lease_as_lost_and_carries_the_new_wait) {
    manual_clock clock;
    circuit_breaker b{"b", nervous(), &clock};
    settle_one(b, verdict::failure);
    clock.advance(1s);
    auto lost = b.try_acquire();
    ASSERT_TRUE(lost && lost->is_trial());
    clock.advance(10s);

    const circuit_image image = b.export_state();
    EXPECT_EQ(image.state, circuit_state::open);
    EXPECT_EQ(image.open_remaining, 2s);
    EXPECT_EQ(image.lease_doublings, 1u);
}

TEST(circuit_breaker, the_event_of_an_import_comes_from_the_state_that_it_ended) {
    circuit_breaker b{"b"};
    b.metrics_only();
    std::vector<circuit_event> events;
    const auto listening = b.subscribe([&](const circuit_event& e) { events.push_back(e); });
    b.import_state(b.export_state());
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].from, circuit_state::metrics_only);
    EXPECT_EQ(events[0].to, circuit_state::metrics_only);
    EXPECT_FALSE(events[0].is_virtual);
}

TEST(circuit_breaker, the_wish_of_a_failure_that_trip_when_trips_on_sets_the_wait) {
    manual_clock clock;
    circuit_breaker_options options;
    options.trip_when = [](const window_snapshot& w) { return w.failures > 0; };
    circuit_breaker b{"b", options, &clock};
    settle_one(b, {verdict::failure, {}, 42s});
    EXPECT_EQ(b.snapshot().retry_after, 42s);
}

}  // namespace
