#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

namespace {

struct circuit_events : ::testing::Test {
    fusebox::testing::manual_clock clock;
    circuit_breaker b{"orders", {.consecutive_failures = 2, .open_jitter = 0, .half_open_calls = 1}, &clock};
    std::vector<std::string> seen;

    circuit_listener recorder(std::string prefix = "") {
        return [this, prefix](const circuit_event& e) { seen.push_back(prefix + to_string(e.kind)); };
    }
    void settle(verdict v, int times = 1) {
        for (int i = 0; i < times; ++i) b.try_acquire().value().settle(v);
    }
};

}  // namespace

TEST_F(circuit_events, an_opening_carries_its_evidence) {
    std::vector<circuit_event> events;
    const auto s = b.subscribe([&](const circuit_event& e) {
        EXPECT_EQ(b.state(), circuit_state::open) << "visible before its event";
        EXPECT_EQ(e.circuit, "orders");
        events.push_back(e);
    });
    settle(verdict::success);
    clock.advance(1s);
    settle(verdict::failure, 2);
    ASSERT_EQ(events.size(), 1u);
    const circuit_event& e = events.front();
    EXPECT_EQ(e.kind, event_kind::circuit_opened);
    EXPECT_EQ(e.from, circuit_state::closed);
    EXPECT_EQ(e.to, circuit_state::open);
    EXPECT_EQ(e.rule, trip_rule::consecutive_failures);
    EXPECT_EQ(e.window, (window_snapshot{.calls = 3, .failures = 2}));
    EXPECT_EQ(e.consecutive_failures, 2u);
    EXPECT_EQ(e.generation, 2u);
    EXPECT_EQ(e.retry_after, 5s);
    EXPECT_EQ(e.at, clock.now());
    EXPECT_TRUE(e.is_transition());
}

TEST_F(circuit_events, a_life_is_told_in_order) {
    const auto s = b.subscribe(recorder());
    std::vector<std::uint64_t> numbers;
    const auto n = b.subscribe([&](const circuit_event& e) { numbers.push_back(e.sequence); });
    settle(verdict::failure, 2);
    clock.advance(5s);
    auto lost = b.try_acquire();
    clock.advance(10s);
    b.poll();
    clock.advance(10s);
    settle(verdict::success);
    b.force_open();
    b.disable();
    b.metrics_only();
    b.reset();
    EXPECT_TRUE(b.reconfigure({.consecutive_failures = 5}));
    EXPECT_THAT(seen, ElementsAre("circuit_opened", "circuit_half_opened", "trial_reclaimed", "circuit_opened",
                                  "circuit_half_opened", "circuit_closed", "circuit_forced_open", "circuit_disabled",
                                  "circuit_metrics_only", "circuit_closed", "circuit_reconfigured"));
    EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
}

TEST_F(circuit_events, an_operators_transitions_say_so) {
    std::vector<trip_rule> rules;
    const auto s = b.subscribe([&](const circuit_event& e) { rules.push_back(e.rule); });
    b.force_open();
    b.reset();
    EXPECT_THAT(rules, ElementsAre(trip_rule::operator_action, trip_rule::operator_action));
}

TEST_F(circuit_events, virtual_transitions_are_marked) {
    std::vector<bool> is_virtual;
    circuit_event last;
    const auto s = b.subscribe([&](const circuit_event& e) {
        is_virtual.push_back(e.is_virtual);
        last = e;
    });
    b.metrics_only();
    settle(verdict::failure, 2);
    EXPECT_EQ(last.from, circuit_state::closed);
    EXPECT_EQ(last.to, circuit_state::open);
    EXPECT_THAT(is_virtual, ElementsAre(false, true));
}

TEST_F(circuit_events, single_calls_are_told_to_who_asks) {
    const auto s = b.subscribe(recorder(), all_events);
    settle(verdict::success);
    settle(verdict::ignored);
    settle(verdict::failure, 2);
    EXPECT_FALSE(b.try_acquire());
    EXPECT_THAT(seen, ElementsAre("call_succeeded", "call_ignored", "call_failed", "call_failed", "circuit_opened",
                                  "call_rejected"));
    b.force_open();
    EXPECT_FALSE(b.try_acquire());
    EXPECT_EQ(seen.back(), "call_rejected");
    EXPECT_EQ(b.snapshot().totals.rejected, 2u);
}

TEST_F(circuit_events, an_unsubscribed_listener_hears_no_more) {
    {
        const auto s = b.subscribe(recorder());
        b.force_open();
    }
    b.reset();
    EXPECT_THAT(seen, ElementsAre("circuit_forced_open"));
    subscription moved = b.subscribe(recorder("1:")), other = b.subscribe(recorder("2:"));
    moved = std::move(other);
    b.force_open();
    EXPECT_EQ(seen.back(), "2:circuit_forced_open");
    EXPECT_EQ(seen.size(), 2u);
    moved.cancel();
    moved.cancel();
    b.reset();
    EXPECT_EQ(seen.size(), 2u);
}

TEST_F(circuit_events, a_throwing_listener_is_counted_and_the_others_still_run) {
    const auto bad = b.subscribe([](const circuit_event&) { throw std::runtime_error("listener"); });
    const auto good = b.subscribe(recorder());
    settle(verdict::failure, 2);
    EXPECT_THAT(seen, ElementsAre("circuit_opened"));
    EXPECT_EQ(b.snapshot().totals.listener_errors, 1u);
}

TEST_F(circuit_events, a_listener_may_call_anything_on_the_breaker) {
    subscription self;
    const auto s = b.subscribe([&](const circuit_event& e) {
        seen.push_back(to_string(e.kind));
        if (e.kind != event_kind::circuit_opened) return;
        b.reset();  // begins a new transition: told after this one, not inside it
        (void)b.call([] { return 1; });
        (void)b.snapshot();
        self = b.subscribe(recorder("late:"));
        seen.push_back("end of the first");
    });
    settle(verdict::failure, 2);
    EXPECT_THAT(seen, ElementsAre("circuit_opened", "end of the first", "circuit_closed", "late:circuit_closed"));
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(circuit_events, a_listener_may_unsubscribe_itself) {
    subscription self;
    self = b.subscribe([&](const circuit_event& e) {
        seen.push_back(to_string(e.kind));
        self.cancel();
    });
    b.force_open();
    b.reset();
    EXPECT_THAT(seen, ElementsAre("circuit_forced_open"));
}

TEST_F(circuit_events, call_events_beyond_the_queue_are_dropped_and_counted) {
    int delivered = 0;
    const auto s = b.subscribe(
        [&](const circuit_event&) {
            if (delivered++ == 0) settle(verdict::success, 1100);  // while this listener is busy
        },
        call_events);
    settle(verdict::success);
    EXPECT_EQ(delivered, 1 + 1024);
    EXPECT_EQ(b.snapshot().totals.dropped_events, 1100u - 1024u);
    EXPECT_EQ(b.snapshot().totals.successes, 1101u);
}

TEST(names, every_event_rule_and_state_has_a_word) {
    for (unsigned bit = 0; bit < 14; ++bit) EXPECT_STRNE(to_string(static_cast<event_kind>(1u << bit)), "");
    EXPECT_STREQ(to_string(event_kind::call_rejected), "call_rejected");
    EXPECT_STREQ(to_string(event_kind::ramp_advanced), "ramp_advanced");
    const std::vector<std::string> rules{
        "none",         "consecutive_failures", "failure_count", "failure_rate", "slow_call_rate", "custom",
        "trial_failed", "trial_slow",           "trial_lost",    "children",     "operator_action"};
    for (unsigned i = 0; i < rules.size(); ++i) EXPECT_EQ(to_string(static_cast<trip_rule>(i)), rules[i]);
    const std::vector<std::string> states{"closed", "open", "half_open", "disabled", "forced_open", "metrics_only"};
    for (unsigned i = 0; i < states.size(); ++i) EXPECT_EQ(to_string(static_cast<circuit_state>(i)), states[i]);
}
