#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

namespace {

struct circuit : ::testing::Test {
    fusebox::testing::manual_clock clock;
};

circuit_breaker_options three_in_a_row() {
    return {.consecutive_failures = 3, .open_jitter = 0, .half_open_calls = 1};
}

void settle(circuit_breaker& b, verdict v, int times = 1) {
    for (int i = 0; i < times; ++i) b.try_acquire().value().settle(v);
}

struct io_error : std::runtime_error {
    io_error() : runtime_error("io") {}
};

}  // namespace

TEST_F(circuit, a_plain_result_comes_back_and_a_refusal_beside_it) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    EXPECT_EQ(b.call([] { return 7; }), 7);
    settle(b, verdict::failure, 3);
    bool called = false;
    const std::expected<int, rejection> refused = b.call([&] { return called = true, 7; });
    EXPECT_FALSE(called);
    EXPECT_EQ(refused.error(), (rejection{errc::circuit_open, 5s}));
}

TEST_F(circuit, an_expected_error_counts_and_comes_back_untouched) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    const auto failing = [&] {
        return b.call([]() -> std::expected<int, std::string> { return std::unexpected("disk full"); });
    };
    for (int i = 0; i < 3; ++i) {
        const auto r = failing();
        ASSERT_NE(r.error().error(), nullptr);
        EXPECT_EQ(*r.error().error(), "disk full");
        EXPECT_EQ(r.error().rejected(), nullptr);
    }
    const auto r = failing();
    EXPECT_EQ(r.error().error(), nullptr);
    EXPECT_EQ(r.error().rejected()->code, errc::circuit_open);
}

TEST_F(circuit, an_exception_passes_through_and_counts) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    for (int i = 0; i < 3; ++i) EXPECT_THROW((void)b.call([]() -> int { throw io_error{}; }), io_error);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(circuit, what_an_operation_refers_to_is_copied) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    std::string kept = "an order with more letters than a string has room for";
    std::expected<std::string, rejection> copy = b.call([&]() -> std::string& { return kept; });
    EXPECT_EQ(copy, kept);
    EXPECT_FALSE(kept.empty()) << "it stays where it is";
    EXPECT_EQ(b.call([&]() -> const std::string& { return kept; }), kept);
}

TEST_F(circuit, a_void_operation_can_be_protected) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    int ran = 0;
    EXPECT_TRUE(b.call([&] { ++ran; }));
    EXPECT_TRUE(b.call([&]() -> std::expected<void, int> { return ++ran, std::expected<void, int>{}; }));
    const auto failed = b.call([&]() -> std::expected<void, int> { return std::unexpected(4); });
    EXPECT_EQ(*failed.error().error(), 4);
    EXPECT_EQ(ran, 2);
    EXPECT_EQ(b.snapshot().totals.successes, 2u);
}

TEST_F(circuit, a_wrapped_function_takes_its_arguments_through_the_breaker) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    auto divide = b.wrap([](int a, int c) { return a / c; });
    EXPECT_EQ(divide(6, 3), 2);
    b.force_open();
    EXPECT_FALSE(divide(6, 3));
}

TEST_F(circuit, exceptions_of_ignored_types_are_neutral) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    const auto throws = []() -> int { throw std::invalid_argument("no such order"); };
    for (int i = 0; i < 9; ++i)
        EXPECT_THROW((void)b.call(throws, ignore_exceptions<std::logic_error>{}), std::invalid_argument);
    EXPECT_EQ(b.snapshot().totals.ignored, 9u);
    for (int i = 0; i < 9; ++i)
        EXPECT_THROW((void)b.call(throws, record_exceptions<io_error>{}), std::invalid_argument);
    EXPECT_EQ(b.state(), circuit_state::closed);
    for (int i = 0; i < 3; ++i)
        EXPECT_THROW((void)b.call([]() -> int { throw io_error{}; }, record_exceptions<io_error>{}), io_error);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(circuit, a_classifier_judges_results_in_every_state) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    const auto by_status = [](int status) { return classify_http_status(status); };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(b.call([] { return 503; }, by_status), 503);
    EXPECT_EQ(b.state(), circuit_state::open);
    clock.advance(5s);
    EXPECT_EQ(b.call([] { return 500; }, by_status), 500);
    EXPECT_EQ(b.state(), circuit_state::open);
    clock.advance(10s);
    EXPECT_EQ(b.call([] { return 404; }, by_status), 404) << "the caller's fault, not the service's";
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(circuit, a_classifier_may_hand_on_the_services_retry_after) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    const auto busy = [](int) { return report{verdict::failure, {}, 30s}; };
    for (int i = 0; i < 3; ++i) (void)b.call([] { return 503; }, busy);
    EXPECT_EQ(b.snapshot().retry_after, 30s);
}

TEST_F(circuit, a_throwing_classifier_abandons_the_call) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    const auto broken = [](int) -> verdict { throw io_error{}; };
    EXPECT_THROW((void)b.call([] { return 1; }, broken), io_error);
    EXPECT_EQ(b.snapshot().totals.abandoned, 1u);
}

TEST_F(circuit, a_refusal_by_a_policy_inside_is_neutral_and_keeps_its_type) {
    circuit_breaker outer{"outer", three_in_a_row(), &clock}, inner{"inner", three_in_a_row(), &clock};
    inner.force_open();
    const auto twice = [&] {
        return outer.call([&] { return inner.call([]() -> std::expected<int, int> { return 1; }); });
    };
    for (int i = 0; i < 9; ++i) EXPECT_NE(twice().error().rejected(), nullptr);
    static_assert(std::is_same_v<decltype(twice()), std::expected<int, call_error<int>>>);
    EXPECT_EQ(outer.state(), circuit_state::closed);
    EXPECT_EQ(outer.snapshot().totals.ignored, 9u);
}

TEST_F(circuit, a_permit_settles_once_and_moves) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    auto first = b.try_acquire().value();
    EXPECT_EQ(first.generation(), 1u);
    EXPECT_FALSE(first.is_trial());
    auto moved = std::move(first);
    first.settle(verdict::failure);  // NOLINT(bugprone-use-after-move): a moved-from permit is settled
    moved.settle(verdict::success);
    moved.settle(verdict::failure);
    EXPECT_EQ(b.snapshot().totals.successes, 1u);
    EXPECT_EQ(b.snapshot().totals.failures, 0u);
    auto other = b.try_acquire().value();
    other = b.try_acquire().value();  // the permit that was there is abandoned
    EXPECT_EQ(b.snapshot().totals.abandoned, 1u);
}

TEST_F(circuit, a_dropped_trial_permit_gives_its_place_back) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    settle(b, verdict::failure, 3);
    clock.advance(5s);
    {
        const auto trial = b.try_acquire().value();
        EXPECT_TRUE(trial.is_trial());
        EXPECT_FALSE(b.try_acquire());
    }
    EXPECT_TRUE(b.try_acquire());
}

TEST_F(circuit, the_time_that_a_caller_already_knows_is_used) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    settle(b, verdict::failure, 3);
    EXPECT_EQ(b.try_acquire(clock.now() + 4s).error().retry_after, 1s);
    auto trial = b.try_acquire(clock.now() + 5s);
    ASSERT_TRUE(trial);
    trial->settle(verdict::success, clock.now() + 6s);
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(circuit, forced_open_rejects_and_reset_forgives) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    b.force_open();
    clock.advance(1000h);
    EXPECT_EQ(b.try_acquire().error(), (rejection{errc::circuit_open, 0s}));
    EXPECT_EQ(b.snapshot().totals.rejected, 1u);
    b.force_open();
    EXPECT_EQ(b.snapshot().generation, 2u) << "already so";
    b.reset();
    EXPECT_TRUE(b.try_acquire());
    EXPECT_EQ(b.snapshot().generation, 3u);
}

TEST_F(circuit, disabled_lets_everything_pass_and_records_nothing) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    b.disable();
    settle(b, verdict::failure, 9);
    const auto s = b.snapshot();
    EXPECT_EQ(s.state, circuit_state::disabled);
    EXPECT_EQ(s.totals.calls(), 0u);
    EXPECT_EQ(s.window.calls, 0u);
    b.poll();
    EXPECT_EQ(b.state(), circuit_state::disabled);
}

TEST_F(circuit, metrics_only_rejects_nobody_and_counts_whom_it_would_have) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    b.metrics_only();
    settle(b, verdict::failure, 3);
    EXPECT_EQ(b.snapshot().virtual_state, circuit_state::open);
    settle(b, verdict::success, 4);
    const auto s = b.snapshot();
    EXPECT_EQ(s.state, circuit_state::metrics_only);
    EXPECT_EQ(s.totals.would_reject, 4u);
    EXPECT_EQ(s.totals.virtual_openings, 1u);
    EXPECT_EQ(s.totals.openings, 0u);
    EXPECT_EQ(s.totals.rejected, 0u);
    EXPECT_EQ(s.totals.successes, 4u);
    clock.advance(5s);
    settle(b, verdict::success);
    EXPECT_EQ(b.snapshot().virtual_state, circuit_state::closed) << "the virtual trial healed it";
}

TEST_F(circuit, an_initial_state_can_be_chosen) {
    for (const auto s : {circuit_state::open, circuit_state::half_open, circuit_state::disabled,
                         circuit_state::forced_open, circuit_state::metrics_only}) {
        auto o = three_in_a_row();
        o.initial_state = s;
        circuit_breaker b{"orders", o, &clock};
        EXPECT_EQ(b.state(), s);
    }
    auto o = three_in_a_row();
    o.initial_state = circuit_state::open;
    circuit_breaker b{"orders", o, &clock};
    EXPECT_EQ(b.try_acquire().error().retry_after, 5s);
    clock.advance(5s);
    EXPECT_TRUE(b.try_acquire());
}

TEST_F(circuit, trip_when_is_asked_with_the_window_and_may_throw) {
    std::vector<std::uint64_t> seen;
    circuit_breaker b{"orders",
                      {.trip_when =
                           [&](const window_snapshot& w) {
                               seen.push_back(w.failures);
                               if (w.calls == 2) throw io_error{};
                               return w.failures >= 2;
                           },
                       .half_open_calls = 1},
                      &clock};
    settle(b, verdict::failure);
    settle(b, verdict::success);
    EXPECT_EQ(b.snapshot().totals.listener_errors, 1u);
    settle(b, verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::open);
    EXPECT_EQ(b.snapshot().last_rule, trip_rule::custom);
    EXPECT_THAT(seen, ElementsAre(1, 1, 2));
}

TEST_F(circuit, trip_when_may_call_the_breaker) {
    circuit_breaker* self = nullptr;
    circuit_breaker b{
        "orders", {.trip_when = [&](const window_snapshot&) { return self->snapshot().window.calls > 1; }}, &clock};
    self = &b;
    settle(b, verdict::success, 2);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(circuit, trip_when_has_no_say_over_a_generation_that_it_did_not_see) {
    circuit_breaker* self = nullptr;
    circuit_breaker b{"orders", {.trip_when = [&](const window_snapshot&) { return self->reset(), true; }}, &clock};
    self = &b;
    settle(b, verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(circuit, the_failure_at_which_trip_when_opens_sets_the_wait) {
    circuit_breaker b{"orders", {.trip_when = [](const window_snapshot&) { return true; }, .open_jitter = 0}, &clock};
    b.try_acquire()->settle({verdict::failure, {}, 9s});
    EXPECT_EQ(b.snapshot().retry_after, 9s);
}

TEST_F(circuit, failures_in_the_window_trip_whatever_the_minimum) {
    circuit_breaker b{"orders", {.failure_count_threshold = 3, .window = count_window{5}, .minimum_calls = 5}, &clock};
    settle(b, verdict::failure);
    settle(b, verdict::success);
    settle(b, verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::closed);
    settle(b, verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::open);
    EXPECT_EQ(b.snapshot().last_rule, trip_rule::failure_count);
}

TEST_F(circuit, a_rate_counts_from_twenty_calls_or_from_a_full_smaller_window) {
    circuit_breaker timed{"timed", circuit_breaker_options{}, &clock},
        long_one{"long", {.window = count_window{30}}, &clock}, short_one{"short", {.window = count_window{4}}, &clock};
    for (const auto& [b, least] : {std::pair{&timed, 20}, {&long_one, 20}, {&short_one, 4}}) {
        settle(*b, verdict::failure, least - 1);
        EXPECT_EQ(b->state(), circuit_state::closed) << b->name();
        settle(*b, verdict::failure);
        EXPECT_EQ(b->state(), circuit_state::open) << b->name();
    }
}

TEST_F(circuit, a_snapshot_says_for_how_long_the_state_has_lasted) {
    circuit_breaker b{"orders", three_in_a_row(), &clock};
    clock.advance(7s);
    EXPECT_EQ(b.snapshot().in_state, 7s);
    settle(b, verdict::failure, 3);
    clock.advance(2s);
    EXPECT_EQ(b.snapshot().in_state, 2s);
}

TEST_F(circuit, of_count_and_rate_over_one_window_the_one_that_fired_is_named) {
    const circuit_breaker_options hybrid{
        .failure_count_threshold = 10, .failure_rate_threshold = 0.5, .minimum_calls = 4};
    circuit_breaker few{"few", hybrid, &clock}, many{"many", hybrid, &clock};
    settle(few, verdict::success, 2);
    settle(few, verdict::failure, 2);
    EXPECT_EQ(few.snapshot().last_rule, trip_rule::failure_rate);
    settle(many, verdict::success, 20);
    settle(many, verdict::failure, 10);
    EXPECT_EQ(many.snapshot().last_rule, trip_rule::failure_count);
}

TEST_F(circuit, the_slow_rule_measures_calls_by_the_clock) {
    circuit_breaker b{"orders", {.slow_call_duration = 2s, .minimum_calls = 3}, &clock};
    for (int i = 0; i < 3; ++i) {
        auto p = b.try_acquire().value();
        clock.advance(i == 0 ? 1s : 2s);
        p.settle(verdict::success);
    }
    EXPECT_EQ(b.snapshot().window.slow_calls, 2u);
    EXPECT_EQ(b.state(), circuit_state::closed) << "two of three are not 80 %";
    b.try_acquire().value().settle({verdict::success, 5s});
    b.try_acquire().value().settle({verdict::success, 5s});
    EXPECT_EQ(b.state(), circuit_state::open) << "four of five are";
    EXPECT_EQ(b.snapshot().last_rule, trip_rule::slow_call_rate);
    EXPECT_EQ(b.snapshot().totals.slow_calls, 4u);
}
