#include <fusebox/adaptive_thresholds.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {

// A breaker that trips at 5 failures in a row, and is looked at every 10 s.
struct adaptive : ::testing::Test {
    fusebox::testing::manual_clock clock;
    std::optional<circuit_breaker> b;
    std::optional<adaptive_thresholds> a;

    void make(circuit_breaker_options breaker = {.consecutive_failures = 5}, adaptive_thresholds_options options = {}) {
        b.emplace("orders", std::move(breaker), &clock);
        a.emplace(*b, options, clock.now());
    }
    // So many calls in the next interval, failures spread so that they do not trip; then the look.
    std::optional<threshold_adjustment> look_after(int successes, int failures) {
        for (; successes + failures > 0;) {
            const bool fails = failures > successes || successes == 0;
            --(fails ? failures : successes);
            b->try_acquire().value().settle(fails ? verdict::failure : verdict::success);
        }
        clock.advance(10s);
        return a->adjust(clock.now());
    }
    std::uint32_t in_a_row() const { return b->options()->consecutive_failures.value(); }
};

}  // namespace

TEST_F(adaptive, above_95_percent_the_breaker_is_half_as_tolerant_again) {
    make();
    const auto nudge = look_after(96, 4);
    EXPECT_EQ(in_a_row(), 7u) << "5 * 1.5, rounded down";
    EXPECT_EQ(nudge, (threshold_adjustment{.observed = {.calls = 100, .failures = 4},
                                           .factor = 1.5,
                                           .from = {.consecutive_failures = 5},
                                           .to = {.consecutive_failures = 7}}));
}

TEST_F(adaptive, below_70_percent_it_is_stricter) {
    make();
    EXPECT_TRUE(look_after(69, 31));
    EXPECT_EQ(in_a_row(), 3u) << "5 * 0.7, rounded down";
}

TEST_F(adaptive, between_the_two_the_base_is_in_force_bounds_included) {
    make();
    EXPECT_FALSE(look_after(95, 5)) << "95 % is not above 95 %";
    EXPECT_TRUE(look_after(100, 0));
    EXPECT_EQ(in_a_row(), 7u);
    EXPECT_TRUE(look_after(70, 30)) << "70 % is not below 70 %";
    EXPECT_EQ(in_a_row(), 5u);
}

TEST_F(adaptive, factors_never_pile_up) {
    make();
    EXPECT_TRUE(look_after(100, 0));
    EXPECT_FALSE(look_after(100, 0)) << "nothing has changed";
    EXPECT_EQ(in_a_row(), 7u);
    EXPECT_TRUE(look_after(60, 40));
    EXPECT_EQ(in_a_row(), 3u) << "of the base, not of 7";
    EXPECT_EQ(a->base(), (circuit_thresholds{.consecutive_failures = 5}));
}

TEST_F(adaptive, only_verdicts_since_the_last_look_count) {
    make();
    EXPECT_TRUE(look_after(60, 40));
    EXPECT_TRUE(look_after(100, 0)) << "all of 200 calls would be 80 %";
    EXPECT_EQ(in_a_row(), 7u);
}

TEST_F(adaptive, without_verdicts_nothing_changes) {
    make();
    EXPECT_TRUE(look_after(100, 0));
    EXPECT_FALSE(look_after(0, 0));
    for (int i = 0; i < 5; ++i) b->try_acquire().value().settle(verdict::ignored);
    EXPECT_FALSE(look_after(0, 0));
    EXPECT_EQ(in_a_row(), 7u);
}

TEST_F(adaptive, it_looks_once_an_interval) {
    make();
    b->try_acquire().value().settle(verdict::success);
    clock.advance(9999ms);
    EXPECT_FALSE(a->adjust(clock.now()));
    clock.advance(1ms);
    EXPECT_TRUE(a->adjust(clock.now()));
    b->try_acquire().value().settle(verdict::failure);
    EXPECT_FALSE(a->adjust(clock.now()));
    clock.advance(10s);
    EXPECT_TRUE(a->adjust(clock.now())) << "what was not looked at is not lost";
    EXPECT_EQ(in_a_row(), 3u);
}

TEST_F(adaptive, counts_and_rates_are_moved_together) {
    make({.consecutive_failures = 10, .failure_count_threshold = 30, .failure_rate_threshold = 0.5});
    const auto nudge = look_after(100, 0);
    EXPECT_EQ(nudge->to, (circuit_thresholds{15, 45, 0.75}));
    EXPECT_EQ(b->options()->failure_count_threshold, 45u);
    EXPECT_EQ(b->options()->failure_rate_threshold, 0.75);
    EXPECT_EQ(b->options()->half_open_calls, 3u) << "all else is as it was";
}

TEST_F(adaptive, a_product_just_short_of_a_whole_number_is_that_number) {
    make({.consecutive_failures = 100}, {.strict_factor = 0.29});
    EXPECT_TRUE(look_after(50, 50));
    EXPECT_EQ(in_a_row(), 29u) << "although 100 * 0.29 is 28.999999999999996 in doubles";
}

TEST_F(adaptive, the_rate_by_default_is_moved_and_given_back) {
    make({});
    EXPECT_TRUE(look_after(100, 0));
    EXPECT_EQ(b->options()->failure_rate_threshold, 0.75);
    EXPECT_TRUE(a->restore());
    EXPECT_EQ(b->options()->failure_rate_threshold, std::nullopt);
    EXPECT_TRUE(*b->options() == circuit_breaker_options{});
}

TEST_F(adaptive, no_nudge_leaves_the_bounds) {
    make({.consecutive_failures = 5, .failure_rate_threshold = 0.8},
         {.least_count = 4, .most_count = 6, .least_rate = 0.6, .most_rate = 0.9});
    EXPECT_EQ(look_after(100, 0)->to, (circuit_thresholds{.consecutive_failures = 6, .failure_rate = 0.9}));
    EXPECT_EQ(look_after(60, 40)->to, (circuit_thresholds{.consecutive_failures = 4, .failure_rate = 0.6}));
    make({.consecutive_failures = 1});
    EXPECT_FALSE(look_after(1, 1)) << "1 * 0.7 would be no threshold at all";
}

TEST_F(adaptive, a_nudge_keeps_state_and_window) {
    make({.consecutive_failures = 10, .window = count_window{50}});
    for (int i = 0; i < 10; ++i) b->try_acquire().value().settle(i % 2 == 0 ? verdict::failure : verdict::success);
    const auto before = b->snapshot();
    EXPECT_TRUE(look_after(0, 0));
    EXPECT_EQ(b->snapshot().window, before.window);
    EXPECT_EQ(before.window, (window_snapshot{.calls = 10, .failures = 5}));
    EXPECT_EQ(b->snapshot().generation, before.generation);
    b->force_open();
    EXPECT_TRUE(a->restore());
    EXPECT_EQ(b->state(), circuit_state::forced_open);
}

TEST_F(adaptive, the_next_verdict_is_judged_by_the_new_threshold) {
    make();
    for (int i = 0; i < 4; ++i) b->try_acquire().value().settle(verdict::failure);
    EXPECT_TRUE(look_after(0, 0));
    EXPECT_EQ(b->state(), circuit_state::closed) << "only a verdict trips";
    b->try_acquire().value().settle(verdict::failure);
    EXPECT_EQ(b->state(), circuit_state::open);
}

TEST_F(adaptive, every_nudge_is_an_event_with_its_evidence) {
    make();
    std::vector<circuit_event> events;
    const auto s = b->subscribe([&](const circuit_event& e) { events.push_back(e); });
    (void)look_after(98, 2);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, event_kind::thresholds_adjusted);
    EXPECT_STREQ(to_string(events[0].kind), "thresholds_adjusted");
    EXPECT_FALSE(events[0].is_transition());
    EXPECT_EQ(events[0].window, (window_snapshot{.calls = 100, .failures = 2}));
    EXPECT_EQ(events[0].threshold_factor, 1.5f);
    EXPECT_TRUE(a->restore());
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[1].threshold_factor, 1.0f);
    EXPECT_EQ(events[1].window, window_snapshot{});
    EXPECT_FALSE(a->restore()) << "nothing to give back";
    EXPECT_EQ(events.size(), 2u);
}

TEST_F(adaptive, a_restored_breaker_is_adjusted_again_by_the_next_look) {
    make();
    EXPECT_TRUE(look_after(100, 0));
    EXPECT_TRUE(a->restore());
    EXPECT_EQ(in_a_row(), 5u);
    EXPECT_TRUE(look_after(100, 0));
    EXPECT_EQ(in_a_row(), 7u);
}

TEST_F(adaptive, who_reconfigures_the_breaker_sets_a_new_base) {
    make();
    EXPECT_TRUE(look_after(100, 0));
    b->reconfigure({.consecutive_failures = 20, .open_for = 9s}).value();
    EXPECT_EQ(look_after(100, 0)->from, (circuit_thresholds{.consecutive_failures = 20}));
    EXPECT_EQ(in_a_row(), 30u);
    EXPECT_EQ(b->options()->open_for, 9s);
    EXPECT_TRUE(a->restore());
    EXPECT_EQ(in_a_row(), 20u);
}

TEST_F(adaptive, a_new_base_out_of_bounds_is_not_pulled_into_them) {
    make({.consecutive_failures = 5}, {.least_count = 4, .most_count = 6});
    b->reconfigure({.consecutive_failures = 20}).value();
    EXPECT_FALSE(look_after(100, 0)) << "not further out";
    EXPECT_EQ(look_after(60, 40)->to, (circuit_thresholds{.consecutive_failures = 14}));
}

TEST_F(adaptive, a_listener_may_restore_at_once) {
    make();
    std::vector<float> factors;
    const auto s = b->subscribe([&](const circuit_event& e) {
        factors.push_back(e.threshold_factor);
        (void)a->restore();
    });
    (void)look_after(100, 0);
    EXPECT_EQ(in_a_row(), 5u);
    EXPECT_THAT(factors, ElementsAre(1.5f, 1.0f));
}

TEST_F(adaptive, an_imported_history_is_not_an_observation) {
    make();
    for (int i = 0; i < 9; ++i) b->try_acquire().value().settle(verdict::success);
    EXPECT_TRUE(look_after(0, 0));
    b->import_state(circuit_image{});
    EXPECT_FALSE(look_after(0, 2));
    EXPECT_TRUE(look_after(1, 2));
    EXPECT_EQ(in_a_row(), 3u);
}

TEST_F(adaptive, what_cannot_be_meant_is_refused) {
    EXPECT_THAT(adaptive_thresholds_options{}.validate(), IsEmpty());
    const auto options_of = [](const adaptive_thresholds_options& o) {
        std::vector<std::string> all;
        for (const auto& e : o.validate()) all.push_back(e.message());
        return all;
    };
    EXPECT_THAT(options_of({.interval = 0s}), ElementsAre("interval = 0s: must be above 0"));
    EXPECT_THAT(options_of({.tolerant_above = 0.5}),
                ElementsAre("tolerant_above = 0.5: must be between strict_below, 0.7, and 1"));
    EXPECT_THAT(options_of({.tolerant_factor = 0.9, .strict_factor = 1.1}),
                ElementsAre("tolerant_factor = 0.9: must be between 1 and 10",
                            "strict_factor = 1.1: must be above 0 and at most 1"));
    EXPECT_THAT(options_of({.least_count = 8, .most_count = 7}),
                ElementsAre("least_count = 8: must be between 1 and most_count, 7"));
    EXPECT_THAT(options_of({.least_rate = 0.8, .most_rate = 0.7}),
                ElementsAre("least_rate = 0.8: must be above 0 and at most most_rate, 0.7"));
    try {
        make({.consecutive_failures = 9}, {.most_count = 8});
        FAIL();
    } catch (const configuration_error& e) {
        EXPECT_STREQ(e.what(),
                     "adaptive thresholds of 'orders': consecutive_failures = 9: must be within least_count "
                     "and most_count, 1 to 8");
    }
    EXPECT_THROW(make({.failure_rate_threshold = 0.005}), configuration_error);
    EXPECT_THROW(make({.slow_call_duration = 1s}), configuration_error) << "no threshold to move";
    EXPECT_THROW(make({}, {.interval = -1s}), configuration_error);
}

TEST_F(adaptive, a_nudge_asks_for_no_more_failures_than_a_count_window_holds) {
    make({.failure_count_threshold = 8, .window = count_window{10}});
    EXPECT_EQ(look_after(100, 0)->to, (circuit_thresholds{.failure_count = 10}));
    EXPECT_TRUE(b->options()->validate().empty());
}
