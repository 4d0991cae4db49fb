#include <fusebox/circuit_breaker.hpp>
#include <fusebox/preset.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

// The sentences that are said of options with one thing changed.
template <class Change>
std::vector<std::string> complaints(Change change) {
    circuit_breaker_options o;
    change(o);
    std::vector<std::string> out;
    for (const auto& e : o.validate()) out.push_back(e.message());
    return out;
}

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

}  // namespace

TEST(circuit_breaker_options, defaults_are_valid_and_trip_at_half_of_twenty) {
    const circuit_breaker_options o;
    EXPECT_THAT(o.validate(), IsEmpty());
    EXPECT_EQ(o.effective_failure_rate(), 0.5);
    EXPECT_EQ(o.effective_slow_call_rate(), std::nullopt);
}

TEST(circuit_breaker_options, the_default_rule_gives_way_to_any_rule_that_is_set) {
    EXPECT_EQ((circuit_breaker_options{.consecutive_failures = 3}.effective_failure_rate()), std::nullopt);
    EXPECT_EQ((circuit_breaker_options{.failure_count_threshold = 3}.effective_failure_rate()), std::nullopt);
    EXPECT_EQ((circuit_breaker_options{.slow_call_duration = 1s}.effective_failure_rate()), std::nullopt);
    EXPECT_EQ((circuit_breaker_options{.slow_call_duration = 1s}.effective_slow_call_rate()), 0.8);
}

TEST(circuit_breaker_options, refuses_a_minimum_that_the_count_window_cannot_hold) {
    EXPECT_THAT(complaints([](auto& o) { o.window = count_window{5}, o.minimum_calls = 6; }),
                ElementsAre("minimum_calls = 6: must be between 1 and the count window's size, 5: it would never be "
                            "reached"));
    EXPECT_THAT(complaints([](auto& o) { o.window = count_window{5}; }), IsEmpty()) << "unset, it is the window's size";
}

TEST(circuit_breaker_options, names_option_value_and_range_of_each_fault) {
    const auto one = [](const char* text) { return ElementsAre(HasSubstr(text)); };
    EXPECT_THAT(complaints([](auto& o) { o.consecutive_failures = 0; }),
                one("consecutive_failures = 0: must be between 1 and 1000000"));
    EXPECT_THAT(complaints([](auto& o) { o.failure_count_threshold = 0; }), one("failure_count_threshold = 0"));
    EXPECT_THAT(complaints([](auto& o) { o.failure_rate_threshold = 50; }),
                one("failure_rate_threshold = 50: must be a share above 0 and at most 1 (0.5 is 50 %)"));
    EXPECT_THAT(complaints([](auto& o) { o.failure_rate_threshold = std::nan(""); }),
                one("failure_rate_threshold = nan"));
    EXPECT_THAT(complaints([](auto& o) { o.slow_call_rate_threshold = 0.5; }), one("slow_call_duration = unset"));
    EXPECT_THAT(complaints([](auto& o) { o.slow_call_duration = 0s; }),
                one("slow_call_duration = 0s: must be above 0"));
    EXPECT_THAT(complaints([](auto& o) { o.window = count_window{0}; }), one("window.size = 0"));
    EXPECT_THAT(complaints([](auto& o) { o.window = time_window{0, 1s}; }), one("window.buckets = 0"));
    EXPECT_THAT(complaints([](auto& o) { o.window = time_window{1, 1ns}; }), one("window.width = 1ns"));
    EXPECT_THAT(complaints([](auto& o) { o.minimum_calls = 0; }), one("minimum_calls = 0"));
    EXPECT_THAT(complaints([](auto& o) { o.open_for = -1ms; }), one("open_for = -1ms: must be above 0"));
    EXPECT_THAT(complaints([](auto& o) { o.open_multiplier = 0.5; }), one("open_multiplier = 0.5"));
    EXPECT_THAT(complaints([](auto& o) { o.open_cap = 1s; }), one("open_cap = 1s: must be at least open_for, 5s"));
    EXPECT_THAT(complaints([](auto& o) { o.open_jitter = 1; }), one("open_jitter = 1"));
    EXPECT_THAT(complaints([](auto& o) { o.open_min = -1s; }), one("open_min = -1s"));
    EXPECT_THAT(complaints([](auto& o) { o.open_min = 9min; }), one("open_max = 300s"));
    EXPECT_THAT(complaints([](auto& o) { o.half_open_calls = 0, o.half_open_concurrency = 1; }).front(),
                HasSubstr("half_open_calls = 0"));
    EXPECT_THAT(complaints([](auto& o) { o.half_open_concurrency = 4; }),
                one("half_open_concurrency = 4: must be between 1 and half_open_calls, 3"));
    EXPECT_THAT(complaints([](auto& o) { o.half_open_successes = 4; }), one("half_open_successes = 4"));
    EXPECT_THAT(complaints([](auto& o) { o.trial_lease = -1s; }), one("trial_lease = -1s"));
    EXPECT_THAT(complaints([](auto& o) { o.ramp.shares = {0.5, 0.25}; }), one("ramp.shares = 0.25: must be above"));
    EXPECT_THAT(complaints([](auto& o) { o.ramp.shares = {0.0}; }), one("ramp.shares = 0"));
    EXPECT_THAT(complaints([](auto& o) { o.ramp.calls_per_step = 0; }), one("ramp.calls_per_step = 0"));
    EXPECT_THAT(complaints([](auto& o) { o.initial_state = static_cast<circuit_state>(9); }), one("initial_state = 9"));
}

TEST(circuit_breaker_options, all_faults_are_reported_together) {
    try {
        circuit_breaker breaker{"orders", {.failure_rate_threshold = 2.0, .open_for = 0s}};
        FAIL() << "accepted";
    } catch (const configuration_error& e) {
        EXPECT_EQ(e.errors().size(), 2u);
        EXPECT_THAT(e.what(), HasSubstr("circuit breaker 'orders': failure_rate_threshold = 2"));
        EXPECT_THAT(e.what(), HasSubstr("; open_for = 0s"));
    }
}

TEST(circuit_breaker_options, functions_are_never_equal_and_everything_else_is_compared) {
    EXPECT_EQ(circuit_breaker_options{}, circuit_breaker_options{});
    EXPECT_NE(circuit_breaker_options{.seed = 1}, circuit_breaker_options{.seed = 2});
    EXPECT_NE(circuit_breaker_options{.open_for = 6s}, circuit_breaker_options{});
    EXPECT_NE(circuit_breaker_options{.minimum_calls = 6}, circuit_breaker_options{});
    circuit_breaker_options with_function{.trip_when = [](const auto&) { return true; }};
    EXPECT_NE(with_function, with_function);
}

TEST(circuit_breaker_options, pairs_that_cannot_work_together_are_refused) {
    const auto one = [](const char* text) { return ElementsAre(HasSubstr(text)); };
    EXPECT_THAT(complaints([](auto& o) { o.failure_count_threshold = 200, o.window = count_window{100}; }),
                one("failure_count_threshold = 200: must be at most the count window's size, 100"));
    EXPECT_THAT(complaints([](auto& o) { o.failure_count_threshold = 100, o.window = count_window{100}; }), IsEmpty());
    EXPECT_THAT(complaints([](auto& o) { o.failure_count_threshold = 200; }), IsEmpty()) << "a time holds any number";
    EXPECT_THAT(complaints([](auto& o) { o.open_for = o.open_cap = 10min; }),
                one("open_for = 600s: must be at most open_max, 300s"));
    EXPECT_THAT(complaints([](auto& o) { o.open_for = 31s, o.open_max = 30s; }), one("open_for = 31s"));
    EXPECT_THAT(complaints([](auto& o) { o.open_for = o.open_max = 30s; }), IsEmpty());
    EXPECT_THAT(complaints([](auto& o) { o.count_needs_minimum = true; }), one("failure_count_threshold = unset"));
}

TEST(circuit_breaker_options, a_count_can_wait_for_the_minimum_like_a_rate) {
    const circuit_breaker_options hybrid{
        .failure_count_threshold = 10, .count_needs_minimum = true, .failure_rate_threshold = 0.5, .minimum_calls = 20};
    const auto opens_after = [&](int failures, int successes) {
        circuit_breaker b{"orders", hybrid};
        for (int i = 0; i < failures + successes; ++i) {
            if (b.state() != circuit_state::closed) return i;
            b.try_acquire().value().settle(i < failures ? verdict::failure : verdict::success);
        }
        return b.state() == circuit_state::open ? failures + successes : -1;
    };
    EXPECT_EQ(opens_after(19, 0), -1) << "nothing before 20 calls";
    EXPECT_EQ(opens_after(20, 0), 20);
    EXPECT_EQ(opens_after(10, 20), 20) << "10 failures, when a success fills the minimum";
    EXPECT_EQ(opens_after(9, 30), -1);
    circuit_breaker late{"orders", hybrid};
    for (int i = 0; i < 40; ++i) late.try_acquire().value().settle(verdict::success);
    for (int i = 0; i < 10; ++i) late.try_acquire().value().settle(verdict::failure);
    EXPECT_EQ(late.snapshot().last_rule, trip_rule::failure_count) << "10 of 50, well below half";
}

TEST(preset, each_name_gives_options_that_can_be_used) {
    EXPECT_EQ(preset_names().size(), 13u);
    for (const auto name : preset_names()) {
        const auto o = find_preset(name);
        ASSERT_TRUE(o) << name;
        EXPECT_THAT(o->validate(), IsEmpty()) << name;
    }
    EXPECT_TRUE(find_preset("external-api")) << "a dash is as good as an underscore";
    EXPECT_FALSE(find_preset("databse"));
}

TEST(preset, the_service_types_stand_in_the_middle_of_their_ranges) {
    for (const service_profile& p : service_profiles()) {
        const auto o = *find_preset(p.name);
        EXPECT_TRUE(p.failure_threshold.contains(*o.failure_count_threshold)) << p.name;
        EXPECT_TRUE(p.recovery.contains(std::chrono::ceil<std::chrono::seconds>(o.open_for))) << p.name;
        EXPECT_TRUE(p.success_threshold.contains(*o.half_open_successes)) << p.name;
    }
    EXPECT_EQ(presets::database().failure_count_threshold, 4u);
    EXPECT_EQ(presets::database().open_for, 15s);
    EXPECT_EQ(presets::critical().consecutive_failures, 1u);
    EXPECT_EQ(presets::hystrix().open_for, 5s);
    EXPECT_EQ(presets::resilience4j().half_open_calls, 3u);
}

TEST(preset, those_that_quote_others_neither_spread_nor_lengthen_the_wait) {
    for (const char* name : {"textbook", "classic", "hystrix", "resilience4j"}) {
        const auto o = find_preset(name).value();
        EXPECT_EQ(o.open_jitter, 0) << name;
        EXPECT_EQ(o.open_multiplier, 1) << name;
    }
    EXPECT_EQ(presets::textbook(3, 10min).open_for, 10min);
    EXPECT_THAT(presets::textbook(3, 10min).validate(), IsEmpty());
    EXPECT_GE(presets::ml_inference().trial_lease, 1min) << "its answers may take a minute";
}

TEST(preset, classic_opens_at_five_failures_within_a_minute_and_one_success_closes_it) {
    fusebox::testing::manual_clock clock;
    circuit_breaker b{"orders", presets::classic(), &clock};
    for (int i = 0; i < 4; ++i) {
        b.try_acquire().value().settle(verdict::failure);
        b.try_acquire().value().settle(verdict::success);
        clock.advance(14s);
    }
    EXPECT_EQ(b.state(), circuit_state::closed);
    b.try_acquire().value().settle(verdict::failure);
    EXPECT_EQ(b.state(), circuit_state::open);
    clock.advance(60s - 1ns);
    EXPECT_FALSE(b.try_acquire());
    clock.advance(1ns);
    b.try_acquire().value().settle(verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST(preset, textbook_opens_after_so_many_in_a_row_and_one_trial_decides) {
    fusebox::testing::manual_clock clock;
    circuit_breaker b{"orders", presets::textbook(3, 10s), &clock};
    for (int i = 0; i < 3; ++i) b.try_acquire().value().settle(verdict::failure);
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(b.try_acquire().error().retry_after, 10s);
        clock.advance(10s);
        auto trial = b.try_acquire().value();
        EXPECT_FALSE(b.try_acquire());
        trial.settle(i < 3 ? verdict::failure : verdict::success);
    }
    EXPECT_EQ(b.state(), circuit_state::closed);
}
