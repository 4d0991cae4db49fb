#include <fusebox/bulkhead.hpp>
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/circuit_breaker_registry.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/rate_limiter.hpp>
#include <fusebox/testing/event_recorder.hpp>
#include <fusebox/testing/manual_runtime.hpp>
#include <fusebox/testing/scripted_call.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

using namespace std::chrono_literals;
using namespace fusebox;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {

struct event_recorders : ::testing::Test {
    fusebox::testing::manual_runtime runtime;
    circuit_breaker breaker{
        "orders", {.consecutive_failures = 2, .open_jitter = 0, .half_open_calls = 1}, runtime.clock()};
    fusebox::testing::event_recorder seen;

    void settle(verdict v) { breaker.try_acquire().value().settle(v); }
};

}  // namespace

TEST_F(event_recorders, tell_the_life_of_a_circuit_in_lines) {
    seen.watch(breaker);
    settle(verdict::failure);
    settle(verdict::failure);
    runtime.time.advance(5s);
    settle(verdict::success);
    EXPECT_THAT(seen.lines(), ElementsAre("orders: circuit_opened by consecutive_failures",
                                          "orders: circuit_half_opened", "orders: circuit_closed"));
}

TEST_F(event_recorders, give_the_events_as_values_whose_names_last) {
    {
        circuit_breaker other{"a name so long that it is not kept inside of the string"};
        fusebox::testing::event_recorder until_then;
        until_then.watch(other);
        other.force_open();
        EXPECT_EQ(until_then.circuit_events().at(0).circuit, other.name());
    }
    seen.watch(breaker);
    runtime.time.advance(1s);
    breaker.force_open();
    const auto events = seen.circuit_events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, event_kind::circuit_forced_open);
    EXPECT_NE(events[0].circuit.data(), breaker.name().data()) << "the recorder's own copy";
    EXPECT_EQ(events[0].circuit, "orders");
    EXPECT_EQ(events[0].at, time_point{1s});
    EXPECT_THAT(seen.pipeline_events(), IsEmpty());
}

TEST_F(event_recorders, hear_of_the_kinds_that_they_ask_for) {
    seen.watch(breaker, call_events);
    settle(verdict::success);
    breaker.force_open();
    (void)breaker.try_acquire();
    EXPECT_THAT(seen.lines(), ElementsAre("orders: call_succeeded", "orders: call_rejected"));
}

TEST_F(event_recorders, mark_what_a_virtual_breaker_did) {
    breaker.metrics_only();
    seen.watch(breaker);
    settle(verdict::failure);
    settle(verdict::failure);
    EXPECT_THAT(seen.lines(), ElementsAre("orders: circuit_opened by consecutive_failures (virtual)"));
}

TEST_F(event_recorders, tell_a_call_and_the_circuit_it_passes_in_their_order) {
    retry again{{.max_attempts = 3, .jitter = jitter_kind::none}};
    pipeline calls{again, breaker};
    calls.use(runtime);
    seen.watch(breaker);
    seen.watch(calls);
    fusebox::testing::script<std::expected<int, std::string>> service;
    service.then(std::unexpected("down")).then(std::unexpected("down"));
    (void)calls.call(fusebox::testing::scripted_call{service, runtime.time});
    EXPECT_THAT(
        seen.lines(),
        ElementsAre("attempt_started 1", "attempt_ended 1: failure", "retry_scheduled 1", "attempt_started 2",
                    "attempt_ended 2: failure", "orders: circuit_opened by consecutive_failures", "retry_scheduled 2",
                    "call_refused 3 by policy 1: Circuit breaker is OPEN", "retry_given_up 3", "call_ended: failure"));
    EXPECT_EQ(seen.pipeline_events().size(), 9u);
    EXPECT_EQ(seen.circuit_events().size(), 1u);
}

TEST_F(event_recorders, say_which_policy_delays) {
    token_bucket bucket{{.rate = 1, .burst = 1, .max_wait = 3s}};
    pipeline calls{breaker, bucket};
    calls.use(runtime);
    seen.watch(calls);
    for (int i = 0; i < 2; ++i) (void)calls.call([] { return 1; });
    EXPECT_THAT(seen.lines(), Contains("call_delayed 1 by policy 1"));
}

TEST_F(event_recorders, forget_on_demand_and_go_on) {
    seen.watch(breaker);
    breaker.force_open();
    seen.clear();
    EXPECT_THAT(seen.lines(), IsEmpty());
    breaker.reset();
    EXPECT_THAT(seen.lines(), ElementsAre("orders: circuit_closed by operator_action"));
}

TEST_F(event_recorders, may_be_gone_before_the_pipeline_is) {
    pipeline calls{breaker};
    {
        fusebox::testing::event_recorder short_lived;
        short_lived.watch(breaker);
        short_lived.watch(calls);
    }
    EXPECT_EQ(calls.call([] { return 1; }), 1);
}

TEST_F(event_recorders, watch_all_circuits_of_a_registry) {
    circuit_breaker_registry registry;
    fusebox::testing::event_recorder all;
    all.watch(registry);
    registry.get("users")->force_open();
    registry.get("offers")->force_open();
    EXPECT_THAT(all.lines(), ElementsAre("users: circuit_forced_open by operator_action",
                                         "offers: circuit_forced_open by operator_action"));
}

TEST_F(event_recorders, lose_nothing_of_what_threads_tell_at_once) {
    bulkhead slots;
    pipeline calls{slots};
    seen.watch(calls);
    {
        const auto call = [&] {
            for (int i = 0; i < 200; ++i) (void)calls.call([] { return 1; });
        };
        std::jthread one{call}, other{call};
    }
    EXPECT_EQ(seen.pipeline_events().size(), 2u * 200 * 3) << "started, ended, and the call ended";
}
