#include <fusebox/hedge.hpp>

#include <gtest/gtest.h>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{1000s};
const report success{verdict::success}, failure{verdict::failure}, ignored{verdict::ignored};

constexpr hedge::decision go_on{hedge_action::wait}, launch_now{hedge_action::launch_now};
constexpr hedge::decision finished(std::uint32_t attempt) {
    return {hedge_action::finished, attempt};
}
constexpr hedge::decision failed(std::uint32_t attempt) {
    return {hedge_action::failed, attempt};
}

hedge_options after_50ms(std::uint32_t attempts = 2) {
    return {.delay = 50ms, .max_attempts = attempts};
}

std::shared_ptr<retry_budget> empty_budget() {
    return std::make_shared<retry_budget>(retry_budget_options{.ratio = 0, .min_per_second = 0});
}

}  // namespace

TEST(hedge, sends_nothing_more_while_the_first_is_quick) {
    hedge h(after_50ms());
    auto call = h.begin(start);
    EXPECT_EQ(call.next_launch(), start + 50ms);
    EXPECT_EQ(call.ended(1, success, false, start + 49ms), finished(1));
    EXPECT_FALSE(call.next_launch());
    EXPECT_EQ(h.snapshot(), (hedge_snapshot{.delay = 50ms}));
}

TEST(hedge, sends_another_after_the_delay_and_takes_the_first_success) {
    hedge h(after_50ms());
    auto call = h.begin(start);
    EXPECT_EQ(call.launch(start + 50ms), 2u);
    EXPECT_EQ(call.running(), 2u);
    EXPECT_FALSE(call.next_launch()) << "two are all";
    EXPECT_EQ(call.ended(2, success, false, start + 60ms), finished(2));
    EXPECT_EQ(h.snapshot(), (hedge_snapshot{.launched = 1, .won = 1, .delay = 50ms}));
}

TEST(hedge, the_first_may_still_win_after_another_was_sent) {
    hedge h(after_50ms());
    auto call = h.begin(start);
    EXPECT_EQ(call.launch(start + 50ms), 2u);
    EXPECT_EQ(call.ended(1, success, false, start + 60ms), finished(1));
    EXPECT_EQ(h.snapshot(), (hedge_snapshot{.launched = 1, .delay = 50ms}));
}

TEST(hedge, a_loser_changes_nothing_and_stays_paid_for) {
    hedge h(after_50ms());
    auto call = h.begin(start);
    call.launch(start + 50ms);
    call.ended(1, success, false, start + 60ms);
    EXPECT_EQ(call.running(), 0u) << "the driver cancels it";
    for (const report& how : {success, failure, ignored}) EXPECT_EQ(call.ended(2, how, false, start + 61ms), go_on);
    EXPECT_EQ(h.snapshot().won, 0u);
    EXPECT_EQ(h.budget()->snapshot(start + 61ms).spent, 1u);
}

TEST(hedge, sends_each_further_one_after_another_delay) {
    hedge h(after_50ms(4));
    auto call = h.begin(start);
    EXPECT_EQ(call.launch(start + 50ms), 2u);
    EXPECT_EQ(call.next_launch(), start + 100ms);
    EXPECT_EQ(call.launch(start + 103ms), 3u) << "a timer is never early, and may be late";
    EXPECT_EQ(call.next_launch(), start + 153ms);
    EXPECT_EQ(call.launch(start + 153ms), 4u);
    EXPECT_FALSE(call.next_launch());
    EXPECT_FALSE(call.launch(start + 200ms)) << "four are all";
}

TEST(hedge, a_failure_sends_the_next_at_once) {
    hedge h(after_50ms(3));
    auto call = h.begin(start);
    EXPECT_EQ(call.ended(1, failure, false, start + 10ms), launch_now);
    EXPECT_EQ(call.launch(start + 10ms), 2u);
    EXPECT_EQ(call.next_launch(), start + 60ms);
    EXPECT_EQ(call.ended(2, failure, false, start + 20ms), launch_now);
    EXPECT_EQ(call.launch(start + 20ms), 3u);
    EXPECT_EQ(call.ended(3, success, false, start + 30ms), finished(3));
}

TEST(hedge, ends_with_the_last_error_when_all_have_failed) {
    hedge h(after_50ms());
    auto call = h.begin(start);
    call.launch(start + 50ms);
    EXPECT_EQ(call.ended(2, failure, false, start + 60ms), go_on);
    EXPECT_EQ(call.ended(1, failure, false, start + 70ms), failed(1));
}

TEST(hedge, an_answer_about_the_request_ends_the_race) {
    hedge h(after_50ms());
    auto call = h.begin(start);
    call.launch(start + 50ms);
    EXPECT_EQ(call.ended(1, ignored, false, start + 60ms), finished(1)) << "a copy would be answered the same";
}

TEST(hedge, a_refusal_by_a_policy_stops_further_ones) {
    hedge h(after_50ms(3));
    auto call = h.begin(start);
    EXPECT_EQ(call.ended(1, ignored, true, start), failed(1)) << "the circuit is open for the others too";
    EXPECT_FALSE(call.next_launch());
    EXPECT_FALSE(call.launch(start + 50ms));

    auto other = h.begin(start);
    other.launch(start + 50ms);
    EXPECT_EQ(other.ended(2, ignored, true, start + 50ms), go_on) << "the first may succeed";
    EXPECT_FALSE(other.next_launch());
    EXPECT_EQ(other.ended(1, success, false, start + 90ms), finished(1));
}

TEST(hedge, a_refusal_does_not_hide_the_error_of_an_attempt_that_was_made) {
    hedge h(after_50ms());
    auto call = h.begin(start);
    EXPECT_EQ(call.ended(1, failure, false, start + 10ms), launch_now);
    call.launch(start + 10ms);
    EXPECT_EQ(call.ended(2, ignored, true, start + 10ms), failed(1));

    auto reversed = h.begin(start);
    reversed.launch(start + 50ms);
    EXPECT_EQ(reversed.ended(2, ignored, true, start + 50ms), go_on);
    EXPECT_EQ(reversed.ended(1, failure, false, start + 60ms), failed(1));
}

TEST(hedge, an_empty_budget_suppresses_the_hedge_and_never_the_call) {
    hedge h({.delay = 50ms, .max_attempts = 3, .budget = empty_budget()});
    auto call = h.begin(start);
    EXPECT_EQ(call.running(), 1u);
    EXPECT_FALSE(call.launch(start + 50ms));
    EXPECT_FALSE(call.next_launch()) << "not asked again by the clock";
    EXPECT_EQ(call.ended(1, success, false, start + 90ms), finished(1));

    auto unlucky = h.begin(start);
    EXPECT_EQ(unlucky.ended(1, failure, false, start + 10ms), failed(1));
    EXPECT_EQ(h.snapshot(), (hedge_snapshot{.suppressed = 2, .delay = 50ms}));
}

TEST(hedge, launch_now_is_paid_for_already) {
    const auto budget =
        std::make_shared<retry_budget>(retry_budget_options{.ratio = 0, .min_per_second = 1, .window = 1s});
    hedge h({.delay = 50ms, .budget = budget});
    auto call = h.begin(start), rival = h.begin(start);
    EXPECT_EQ(call.ended(1, failure, false, start), launch_now);
    EXPECT_FALSE(rival.launch(start + 50ms));
    EXPECT_EQ(call.launch(start + 50ms), 2u);
}

TEST(hedge, two_failures_before_the_launch_do_not_pay_twice) {
    hedge h(after_50ms(4));
    auto call = h.begin(start);
    call.launch(start + 50ms);
    EXPECT_EQ(call.ended(1, failure, false, start + 60ms), launch_now);
    EXPECT_EQ(call.ended(2, failure, false, start + 60ms), go_on) << "for the launch that is still to come";
    EXPECT_EQ(h.budget()->snapshot(start + 60ms).held, 1u);
    EXPECT_EQ(call.launch(start + 60ms), 3u);
    EXPECT_EQ(call.ended(3, failure, false, start + 70ms), launch_now);
}

TEST(hedge, a_dropped_call_gives_its_place_back) {
    hedge h(after_50ms());
    {
        auto call = h.begin(start);
        EXPECT_EQ(call.ended(1, failure, false, start), launch_now);
        EXPECT_EQ(h.budget()->snapshot(start).held, 1u);
    }
    EXPECT_EQ(h.budget()->snapshot(start).held, 0u);
    EXPECT_EQ(h.budget()->snapshot(start).spent, 0u);
}

TEST(hedge, shares_its_budget_without_counting_a_call_twice) {
    const auto budget = std::make_shared<retry_budget>();
    hedge h({.delay = 50ms, .budget = budget});
    const retry_budget other;
    h.begin(start);
    EXPECT_EQ(budget->snapshot(start).calls, 1u);
    h.begin(start, budget.get());
    EXPECT_EQ(budget->snapshot(start).calls, 1u) << "the retry around it has counted the call";
    h.begin(start, &other);
    EXPECT_EQ(budget->snapshot(start).calls, 2u);
}

TEST(hedge, adds_no_more_load_than_the_budget_has) {
    hedge h(after_50ms());
    for (int i = 0; i < 1000; ++i) {  // a hundred calls a second, all of them slow
        const time_point now = start + i * 10ms;
        auto call = h.begin(now);
        call.launch(now);
    }
    EXPECT_EQ(h.snapshot().launched, 230u);
    EXPECT_EQ(h.snapshot().suppressed, 770u);
}

TEST(hedge, sends_all_at_once_with_a_delay_of_zero) {
    hedge h({.delay = 0ms, .max_attempts = 3});
    auto call = h.begin(start);
    EXPECT_EQ(call.next_launch(), start);
    call.launch(start);
    EXPECT_EQ(call.next_launch(), start);
}

TEST(hedge, waits_for_the_observed_quantile) {
    hedge h({.delay = 1s, .quantile = 0.95});
    for (int i = 0; i < 19; ++i) h.begin(start).ended(1, success, false, start + 10ms);
    EXPECT_EQ(h.begin(start).next_launch(), start + 1s) << "19 are too few";
    h.begin(start).ended(1, success, false, start + 500ms);
    const auto at = h.begin(start).next_launch();  // the 19th of 20
    EXPECT_GT(at, start + 10ms);
    EXPECT_LE(at, start + 10625us);
    EXPECT_EQ(h.snapshot().delay, *at - start);
}

TEST(hedge, is_not_sent_by_the_clock_until_the_quantile_is_known) {
    hedge h({.quantile = 0.95});
    auto call = h.begin(start);
    EXPECT_FALSE(call.next_launch());
    EXPECT_EQ(call.ended(1, failure, false, start), launch_now) << "a failure needs no clock";
    for (int i = 0; i < 20; ++i) h.note_latency(10ms);
    EXPECT_TRUE(h.begin(start).next_launch());
}

TEST(hedge, learns_from_what_the_caller_measured_and_from_the_first_that_lost) {
    hedge h({.delay = 50ms, .quantile = 0.5, .minimum_samples = 1});
    auto measured = h.begin(start);
    measured.ended(1, {verdict::success, 100ms}, false, start + 1h);
    EXPECT_EQ(h.snapshot().delay, detail::latency_quantile::end_of(detail::latency_quantile::bucket_of(100ms)));

    hedge lost({.delay = 50ms, .quantile = 0.999, .minimum_samples = 2});
    auto call = lost.begin(start);
    call.launch(start + 50ms);
    call.ended(2, success, false, start + 55ms);  // 5 ms, and a first that was not done after 55 ms
    EXPECT_GT(lost.snapshot().delay, 55ms);
}

TEST(hedge, does_not_learn_from_what_did_not_work) {
    hedge h({.delay = 50ms, .quantile = 0.5, .minimum_samples = 1});
    h.begin(start).ended(1, failure, false, start + 1ms);
    h.begin(start).ended(1, ignored, false, start + 1ms);
    h.begin(start).ended(1, success, true, start + 1ms);
    EXPECT_EQ(h.snapshot().delay, 50ms);
}

TEST(hedge, a_report_of_an_attempt_that_does_not_run_changes_nothing) {
    hedge h(after_50ms(3));
    auto call = h.begin(start);
    for (const std::uint32_t nobody : {0u, 2u, 3u, 33u, 4294967295u})
        EXPECT_EQ(call.ended(nobody, success, false, start), go_on);
    EXPECT_EQ(call.ended(1, failure, false, start), launch_now);
    EXPECT_EQ(call.ended(1, success, false, start), go_on) << "it has ended once";
}

TEST(hedge, a_session_is_movable) {
    static_assert(std::is_nothrow_move_constructible_v<hedge::session>);
    static_assert(!std::is_copy_constructible_v<hedge::session>);
    hedge h(after_50ms());
    auto call = h.begin(start);
    call.ended(1, failure, false, start);
    auto moved = std::move(call);
    EXPECT_EQ(moved.launch(start), 2u);
}

TEST(hedge, refuses_what_cannot_be_meant) {
    const auto what = [](const hedge_options& o) {
        const auto errors = o.validate();
        return errors.size() == 1 ? errors[0].message() : std::to_string(errors.size()) + " errors";
    };
    EXPECT_EQ(what({}), "delay = unset: must be set, or quantile, or both: they say when to hedge");
    EXPECT_EQ(what({.delay = -1ms}), "delay = -1ms: must be between 0s and 24h");
    EXPECT_EQ(what({.quantile = 0.4}), "quantile = 0.4: must be between 0.5 and 0.999");
    EXPECT_EQ(what({.quantile = 95}), "quantile = 95: must be between 0.5 and 0.999");
    EXPECT_EQ(what({.quantile = 0.9, .minimum_samples = 0}), "minimum_samples = 0: must be between 1 and 1024");
    EXPECT_EQ(what({.delay = 1ms, .max_attempts = 1}),
              "max_attempts = 1: must be between 2 and 5, the first attempt included");
    EXPECT_EQ(what({.delay = 1ms, .max_attempts = 6}),
              "max_attempts = 6: must be between 2 and 5, the first attempt included");
    EXPECT_THROW(hedge({}), configuration_error);
}
