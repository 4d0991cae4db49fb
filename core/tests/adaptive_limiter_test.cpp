#include <fusebox/adaptive_limiter.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

namespace {

constexpr time_point start{};

// Every window is a step: one call, at most 1 ms long.
adaptive_limiter_options every_call(std::variant<gradient2_options, vegas_options> algorithm) {
    return {.algorithm = algorithm, .window = 1ms, .minimum_calls = 1, .seed = 1};
}

// Enters as many calls as the limit lets in.
std::deque<adaptive_limiter::permit> fill(adaptive_limiter& limiter, time_point now) {
    std::deque<adaptive_limiter::permit> all;
    while (auto p = limiter.enter(now)) all.push_back(std::move(*p));
    return all;
}

void settle_all(std::deque<adaptive_limiter::permit> permits, const report& how, time_point now) {
    for (auto& p : permits) p.settle(how, now);
}

std::vector<std::string> refused(const adaptive_limiter_options& o) {
    std::vector<std::string> names;
    for (const auto& e : o.validate()) names.push_back(e.option);
    return names;
}

}  // namespace

// Worked out by hand from the formulas in Netflix concurrency-limits, Gradient2Limit:
// long = mean; gradient = clamp(long / rtt, 0.5, 1); limit = 0.8 limit + 0.2 (gradient limit + 4).
TEST(gradient2, steps_as_published) {
    const gradient2_options o{.minimum_limit = 1};
    struct row {
        limit_sample sample;
        double limit, long_rtt;
    };
    const row table[] = {
        {{.rtt = 100, .in_flight = 20}, 20.8, 100},   // gradient 1: 16 + 0.2 * 24
        {{.rtt = 100, .in_flight = 20}, 21.6, 100},   // 16.64 + 0.2 * 24.8
        {{.rtt = 700, .in_flight = 21}, 20.24, 300},  // long 900 / 3, gradient 0.43 taken as 0.5: 17.28 + 0.2 * 14.8
        {{.rtt = 300, .in_flight = 20}, 21.04, 300},  // long 1200 / 4
        {{.rtt = 150, .in_flight = 10}, 21.04, 270},  // below half use: the average learns, the limit stays
        {{.rtt = 270, .in_flight = 11}, 21.84, 270},  // half use is enough
    };
    gradient2_state s{.limit = 20};
    for (const row& r : table) {
        s = gradient2_step(o, s, r.sample);
        EXPECT_NEAR(s.limit, r.limit, 1e-9);
        EXPECT_NEAR(s.long_rtt, r.long_rtt, 1e-9);
    }
    s = gradient2_step(o, s, {.in_flight = 1, .dropped = true});
    EXPECT_NEAR(s.limit, 19.656, 1e-9) << "0.8 * 21.84 + 0.2 * 10.92, though below half use";
    EXPECT_NEAR(s.long_rtt, 270, 1e-9);
}

TEST(gradient2, after_ten_samples_the_long_average_is_exponential) {
    const gradient2_options o{.long_window = 19};  // weight 2 / 20
    const auto s = gradient2_step(o, {.limit = 40, .long_rtt = 100, .warm_up = 10}, {.rtt = 200, .in_flight = 40});
    EXPECT_NEAR(s.long_rtt, 110, 1e-9);
    EXPECT_NEAR(s.limit, 37.2, 1e-9);  // gradient 0.55: 32 + 0.2 * (22 + 4)
}

TEST(gradient2, a_long_average_left_high_by_an_overload_decays_by_a_tenth_a_step) {
    const gradient2_options o{.long_window = 19};
    const auto s = gradient2_step(o, {.limit = 40, .long_rtt = 1000, .warm_up = 10}, {.rtt = 100, .in_flight = 40});
    EXPECT_NEAR(s.long_rtt, 819, 1e-9);  // 0.9 * (900 + 10)
    EXPECT_NEAR(s.limit, 40.8, 1e-9);    // the gradient is never above 1
}

TEST(gradient2, while_the_average_is_young_its_decay_lasts_one_sample) {
    gradient2_state s = gradient2_step({}, {.limit = 20}, {.rtt = 1000, .in_flight = 20});
    s = gradient2_step({}, s, {.rtt = 100, .in_flight = 20});
    EXPECT_NEAR(s.long_rtt, 495, 1e-9);  // 0.9 * 1100 / 2
    s = gradient2_step({}, s, {.rtt = 100, .in_flight = 20});
    EXPECT_NEAR(s.long_rtt, 360, 1e-9);  // 0.9 * 1200 / 3
}

TEST(gradient2, stays_within_minimum_and_maximum) {
    const gradient2_options o{};
    EXPECT_EQ(gradient2_step(o, {.limit = 199.9}, {.rtt = 1, .in_flight = 199}).limit, 200);
    EXPECT_EQ(gradient2_step(o, {.limit = 21}, {.dropped = true}).limit, 20);
}

// Worked out by hand from the formulas in Netflix concurrency-limits, VegasLimit: queue = ceil(limit (1 - noload /
// rtt)); below a limit of 100 the logarithm is 1, so the limit moves by 6, 1 and -1.
TEST(vegas, steps_as_published) {
    struct row {
        limit_sample sample;
        double limit, rtt_noload;
    };
    const row table[] = {
        {{.rtt = 100, .in_flight = 20}, 20, 100},                // the first round trip is only noted
        {{.rtt = 100, .in_flight = 20}, 26, 100},                // queue 0: + 6
        {{.rtt = 108, .in_flight = 26}, 27, 100},                // queue ceil(1.93) = 2 < 3: + 1
        {{.rtt = 125, .in_flight = 27}, 27, 100},                // queue ceil(5.4) = 6: as it should be
        {{.rtt = 200, .in_flight = 27}, 26, 100},                // queue ceil(13.5) = 14 > 6: - 1
        {{.rtt = 0, .in_flight = 1, .dropped = true}, 25, 100},  // a drop, though below half use
        {{.rtt = 100, .in_flight = 12}, 25, 100},                // 2 * 12 < 25: stays
        {{.rtt = 100, .in_flight = 13}, 31, 100},                // 2 * 13 >= 25
        {{.rtt = 80, .in_flight = 31}, 31, 80},                  // a shorter one is only noted
    };
    vegas_state s{.limit = 20};
    for (const row& r : table) {
        s = vegas_step({}, s, r.sample, 0);
        EXPECT_NEAR(s.limit, r.limit, 1e-9);
        EXPECT_NEAR(s.rtt_noload, r.rtt_noload, 1e-9);
    }
}

TEST(vegas, larger_limits_move_by_the_decimal_logarithm) {
    const auto from = [](double limit, limit_sample sample) {
        return vegas_step({}, {.limit = limit, .rtt_noload = 100}, sample, 0).limit;
    };
    EXPECT_EQ(from(20, {.rtt = 103, .in_flight = 20}), 26) << "a queue of ceil(0.58) = 1 is as good as none";
    EXPECT_EQ(from(99, {.rtt = 100, .in_flight = 99}), 105);
    EXPECT_EQ(from(100, {.rtt = 100, .in_flight = 100}), 112);
    EXPECT_EQ(from(100, {.rtt = 200, .in_flight = 100}), 98);
    EXPECT_EQ(from(999, {.rtt = 100, .in_flight = 999}), 1000) << "the maximum";
    EXPECT_EQ(from(1, {.dropped = true}), 1) << "the minimum";
}

TEST(vegas, smoothing_takes_a_part_of_the_step) {
    EXPECT_EQ(vegas_step({.smoothing = 0.5}, {.limit = 20, .rtt_noload = 100}, {.rtt = 100, .in_flight = 20}, 0).limit,
              23);
}

TEST(vegas, learns_the_shortest_round_trip_anew_after_30_limits_of_samples) {
    const vegas_state before{.limit = 20, .rtt_noload = 50, .probe_jitter = 0.5, .since_probe = 298};
    const auto last = vegas_step({}, before, {.rtt = 60, .in_flight = 1}, 0.5);
    EXPECT_EQ(last.rtt_noload, 50) << "299 samples of 0.5 * 30 * 20";
    const auto after = vegas_step({}, last, {.rtt = 100, .in_flight = 20}, 0.5);
    EXPECT_EQ(after.rtt_noload, 100);
    EXPECT_EQ(after.since_probe, 0u);
    EXPECT_EQ(after.probe_jitter, 0.75);
    EXPECT_EQ(after.limit, 20) << "a probe moves nothing";
}

TEST(adaptive_limiter, lets_in_as_many_as_its_limit_and_refuses_the_next) {
    adaptive_limiter limiter;
    auto held = fill(limiter, start);
    EXPECT_EQ(held.size(), 20u);
    EXPECT_EQ(limiter.enter(start).error(), rejection{errc::bulkhead_full});
    EXPECT_EQ(limiter.snapshot().in_flight, 20u);
    EXPECT_EQ(limiter.snapshot().rejected, 2u);
    held.pop_back();
    EXPECT_TRUE(limiter.enter(start)) << "a dropped permit gives its place back";
}

TEST(adaptive_limiter, a_permit_is_settled_once_and_survives_being_moved) {
    adaptive_limiter limiter{every_call(gradient2_options{})};
    auto first = limiter.enter(start).value();
    auto second = limiter.enter(start).value();
    first.settle(verdict::failure, start + 5ms);
    first.settle(verdict::failure, start + 5ms);
    EXPECT_EQ(limiter.snapshot().drops, 1u);
    first = std::move(second);
    EXPECT_EQ(limiter.snapshot().in_flight, 1u);
    first.abandon();
    EXPECT_EQ(limiter.snapshot().in_flight, 0u);
}

TEST(adaptive_limiter, a_window_lasts_its_time_and_has_its_minimum_of_calls) {
    adaptive_limiter limiter{{.window = 1s, .minimum_calls = 21}};
    settle_all(fill(limiter, start), verdict::success, start + 10ms);
    settle_all(fill(limiter, start + 2s), {verdict::success, 10ms}, start + 500ms);
    EXPECT_EQ(limiter.snapshot().samples, 0u) << "calls enough, too soon";
    settle_all(fill(limiter, start + 3s), {verdict::success, 10ms}, start + 1010ms);
    EXPECT_EQ(limiter.snapshot().samples, 1u);
    EXPECT_EQ(limiter.snapshot().rtt_noload, 10ms);

    adaptive_limiter idle{{.window = 1s, .minimum_calls = 21}};
    settle_all(fill(idle, start), verdict::success, start + 1h);
    EXPECT_EQ(idle.snapshot().samples, 0u) << "time enough, too few";
}

TEST(adaptive_limiter, the_round_trip_is_the_mean_of_the_window) {
    adaptive_limiter limiter{{.window = 10ms, .minimum_calls = 2}};
    auto a = limiter.enter(start).value();
    auto b = limiter.enter(start).value();
    a.settle(verdict::success, start + 10ms);
    b.settle({verdict::success, 40ms}, start + 20ms);  // measured by the caller
    EXPECT_EQ(limiter.snapshot().rtt_noload, 25ms);
}

TEST(adaptive_limiter, ignored_calls_and_a_clock_that_stands_still_say_nothing) {
    adaptive_limiter limiter{every_call(gradient2_options{})};
    limiter.enter(start)->settle(verdict::ignored, start + 5ms);
    limiter.enter(start)->settle(verdict::success, start);
    limiter.enter(start)->settle({verdict::ignored, 5ms}, start + 50ms);
    EXPECT_EQ(limiter.snapshot().samples, 0u);
    EXPECT_EQ(limiter.snapshot().in_flight, 0u);
}

TEST(adaptive_limiter, a_window_is_a_drop_from_a_share_of_failures_on) {
    const auto limit_after = [](int failures) {
        adaptive_limiter limiter{
            {.algorithm = gradient2_options{.minimum_limit = 1}, .window = 1ms, .minimum_calls = 20}};
        auto held = fill(limiter, start);
        for (auto& p : held) p.settle(failures-- > 0 ? verdict::failure : verdict::success, start + 5ms);
        limiter.enter(start)->settle(verdict::success, start + 10ms);
        return limiter.snapshot().limit;
    };
    EXPECT_EQ(limit_after(2), 20u) << "2 of 21 is below a tenth";
    EXPECT_EQ(limit_after(3), 18u) << "3 of 21 is a drop: 0.9 * 20";
}

TEST(adaptive_limiter, finds_the_concurrency_that_a_dependency_bears_and_yields_when_it_is_gone) {
    // The dependency serves 50 calls at a time, in 10 ms each; more of them queue, so that with n in flight a
    // round trip takes max(1, n / 50) * 10 ms. The caller always has more work.
    for (const auto& options : {every_call(gradient2_options{.minimum_limit = 5}), every_call(vegas_options{})}) {
        adaptive_limiter limiter{options};
        time_point now = start;
        for (int i = 0; i < 200; ++i) {
            auto held = fill(limiter, now);
            now += std::max<duration>(10ms, 10ms * duration::rep(held.size()) / 50);
            settle_all(std::move(held), verdict::success, now);
        }
        EXPECT_GE(limiter.snapshot().limit, 50u);
        EXPECT_LE(limiter.snapshot().limit, 60u);
        for (int i = 0; i < 100; ++i, now += 3s) settle_all(fill(limiter, now), verdict::failure, now + 3s);
        EXPECT_LE(limiter.snapshot().limit, 5u) << "every call timed out";
    }
}

TEST(adaptive_limiter, when_the_limit_falls_those_in_flight_stay) {
    adaptive_limiter limiter{every_call(gradient2_options{.minimum_limit = 1})};
    auto held = fill(limiter, start);
    for (const duration at : {5ms, 10ms, 15ms, 20ms}) {
        held.back().settle(verdict::failure, start + at);
        held.pop_back();
    }
    EXPECT_EQ(limiter.snapshot().limit, 16u) << "two windows: 20 * 0.9 * 0.9";
    EXPECT_EQ(limiter.snapshot().in_flight, 16u);
    EXPECT_FALSE(limiter.enter(start + 20ms));
    held.pop_back();
    EXPECT_TRUE(limiter.enter(start + 20ms));
}

TEST(adaptive_limiter, refuses_options_that_cannot_be_meant) {
    EXPECT_THAT(refused({}), ElementsAre());
    EXPECT_THAT(refused({.algorithm = vegas_options{}}), ElementsAre());
    EXPECT_THAT(refused({.algorithm = gradient2_options{.initial_limit = 10}}), ElementsAre("initial_limit"));
    EXPECT_THAT(refused({.algorithm = gradient2_options{.minimum_limit = 0}}), ElementsAre("minimum_limit"));
    EXPECT_THAT(refused({.algorithm = vegas_options{.maximum_limit = 1'000'001}}), ElementsAre("maximum_limit"));
    EXPECT_THAT(refused({.algorithm = gradient2_options{.smoothing = 0, .queue_size = 0, .long_window = 9}}),
                ElementsAre("smoothing", "queue_size", "long_window"));
    EXPECT_THAT(refused({.algorithm = vegas_options{.smoothing = 1.1, .probe_multiplier = 0}}),
                ElementsAre("smoothing", "probe_multiplier"));
    EXPECT_THAT(refused({.window = 0s, .minimum_calls = 0, .drop_threshold = 0}),
                ElementsAre("window", "minimum_calls", "drop_threshold"));
    EXPECT_THROW(adaptive_limiter{adaptive_limiter_options{.window = 2h}}, configuration_error);
    EXPECT_EQ(adaptive_limiter_options{.algorithm = gradient2_options{.initial_limit = 10}}.validate()[0].message(),
              "initial_limit = 10: must be between minimum_limit, 20, and maximum_limit, 200");
}

TEST(adaptive_limiter, a_sample_that_silence_left_unfinished_dies) {
    for (const duration silence : {duration{9h}, duration{1min}}) {
        adaptive_limiter limiter{{.window = 1s, .minimum_calls = 10}};
        const auto before = limiter.snapshot().limit;
        for (int i = 0; i < 9; ++i) limiter.enter(start)->settle(verdict::failure, start);
        const time_point later = start + silence;
        for (int i = 0; i < 9; ++i) limiter.enter(later)->settle({verdict::success, 1ms}, later);
        EXPECT_EQ(limiter.snapshot().samples, 0u) << "nine calls are no sample";
        EXPECT_EQ(limiter.snapshot().limit, before);
    }
}

TEST(adaptive_limiter, a_sample_of_seldom_calls_is_finished) {
    adaptive_limiter limiter{{.window = 1s, .minimum_calls = 10}};
    time_point now = start;
    for (int i = 0; i < 10; ++i, now += 9s) limiter.enter(now)->settle({verdict::success, 1ms}, now);
    EXPECT_EQ(limiter.snapshot().samples, 1u);
}
