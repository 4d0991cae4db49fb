// Seed 003: the circuit breaker that its chapter describes, and how it detects failures.
#include "seed_003_fixture.hpp"

#include <fusebox/preset.hpp>
#include <fusebox/testing/event_recorder.hpp>

#include <stage/transition_line.hpp>

#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace e2e;
using ::testing::ElementsAre;

struct seed_003_breaker : ::testing::Test {
    fusebox::testing::manual_clock clock{1h};
    circuit_breaker make(const circuit_breaker_options& options) {
        return circuit_breaker{"service-b", options, &clock};
    }
};

TEST_F(seed_003_breaker, A003_P1_its_parameters_exist_and_an_unexpected_exception_is_no_failure) {
    const auto options = seed_parameters{}.options();
    EXPECT_TRUE(options.validate().empty());
    circuit_breaker b = make(options);
    std::vector<std::pair<circuit_state, circuit_state>> moves;
    const auto on_state_change =
        b.subscribe([&](const circuit_event& e) { moves.emplace_back(e.from, e.to); }, transition_events);

    const record_exceptions<std::runtime_error> expected_exception;
    const auto bad_argument = []() -> int { throw std::invalid_argument("no request of theirs"); };
    const auto broken = []() -> int { throw std::runtime_error("no answer"); };
    for (int i = 0; i < 9; ++i) EXPECT_THROW((void)b.call(bad_argument, expected_exception), std::invalid_argument);
    EXPECT_EQ(b.state(), circuit_state::closed);
    for (int i = 0; i < 5; ++i) EXPECT_THROW((void)b.call(broken, expected_exception), std::runtime_error);
    EXPECT_THAT(moves, ElementsAre(std::pair{circuit_state::closed, circuit_state::open}));
}

TEST_F(seed_003_breaker, A003_P2_a_success_forgives_nothing_within_the_window) {
    circuit_breaker b = make(seed_parameters{}.options());
    fail(b, 4);
    succeed(b, 10);
    EXPECT_EQ(b.state(), circuit_state::closed);
    fail(b);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(seed_003_breaker, A003_P2_failures_older_than_the_window_are_forgotten) {
    circuit_breaker b = make(seed_parameters{}.options());
    fail(b, 4);
    clock.advance(61s);
    fail(b, 4);
    EXPECT_EQ(b.state(), circuit_state::closed);
    fail(b);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(seed_003_breaker, A003_P2_a_success_forgives_all_where_failures_in_a_row_count) {
    circuit_breaker b = make({.consecutive_failures = 5});
    fail(b, 4);
    succeed(b);
    fail(b, 4);
    EXPECT_EQ(b.state(), circuit_state::closed);
    fail(b);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(seed_003_breaker, A003_P3_an_open_circuit_says_when_to_come_again_and_lets_a_call_try_then) {
    circuit_breaker b = make(seed_parameters{}.options());
    fail(b, 5);
    EXPECT_EQ(refusal(b), "Circuit breaker is OPEN. Retry in 60s");
    clock.advance(59'500ms);
    EXPECT_EQ(refusal(b), "Circuit breaker is OPEN. Retry in 1s") << "rounded up, as Retry-After is";
    clock.advance(500ms);
    EXPECT_EQ(refusal(b), "called");
}

// The seed's own code lets every call through that comes while the trial is under way.
TEST_F(seed_003_breaker, A003_P4_half_open_lets_one_call_through_at_a_time) {
    circuit_breaker b = make(seed_parameters{}.options());
    fail(b, 5);
    clock.advance(60s);
    auto trial = b.try_acquire();
    ASSERT_TRUE(trial.has_value());
    EXPECT_EQ(b.state(), circuit_state::half_open);
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(b.try_acquire().has_value());
    trial->settle(verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed);
    fail(b, 4);
    EXPECT_EQ(b.state(), circuit_state::closed) << "the window began anew";
}

TEST_F(seed_003_breaker, A003_P4_so_many_successes_close_and_any_failure_opens) {
    circuit_breaker b = make(seed_parameters{.success_threshold = 2}.options());
    fail(b, 5);
    clock.advance(60s);
    succeed(b);
    EXPECT_EQ(b.state(), circuit_state::half_open);
    fail(b);
    EXPECT_EQ(b.state(), circuit_state::open);
    clock.advance(60s);
    succeed(b, 2);
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST_F(seed_003_breaker, A003_P5_it_shows_its_state_and_totals_and_can_be_reset) {
    circuit_breaker b = make(seed_parameters{}.options());
    succeed(b, 3);
    fail(b, 4);
    EXPECT_EQ(b.snapshot().window.failures, 4u);
    fail(b);
    clock.advance(7s);
    refusal(b);
    const auto stats = b.snapshot();
    EXPECT_EQ(stats.state, circuit_state::open);
    EXPECT_EQ(stats.totals.calls(), 9u);
    EXPECT_EQ(stats.totals.successes, 3u);
    EXPECT_EQ(stats.totals.failures, 5u);
    EXPECT_EQ(b.options()->failure_count_threshold, 5u);
    EXPECT_EQ(stats.in_state, 7s) << "opened so long ago";
    b.reset();
    EXPECT_EQ(b.state(), circuit_state::closed);
    EXPECT_EQ(refusal(b), "called");
}

TEST_F(seed_003_breaker, A003_P5_it_wraps_functions_and_may_be_called_by_all_threads) {
    circuit_breaker b = make(seed_parameters{}.options());
    auto guarded = b.wrap([](int user, const std::string& name) -> std::string { return name + std::to_string(user); });
    EXPECT_EQ(guarded(7, "ann").value(), "ann7");
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) threads.emplace_back([&b] { succeed(b, 1000); });
    }
    EXPECT_EQ(b.snapshot().totals.successes, 4001u);
}

TEST_F(seed_003_breaker, A003_P6_a_transition_is_one_line_of_a_log) {
    circuit_breaker b = make(seed_parameters{}.options());
    std::vector<std::string> plain, with_emoji;
    const auto logging = b.subscribe(
        [&](const circuit_event& e) {
            plain.push_back(stage::transition_line(e, false));
            with_emoji.push_back(stage::transition_line(e, true));
        },
        transition_events);
    fail(b, 3);
    succeed(b);
    fail(b, 2);
    clock.advance(60s);
    succeed(b);
    EXPECT_THAT(plain, ElementsAre("Circuit breaker: CLOSED → OPEN (5 failures)",
                                   "Circuit breaker: OPEN → HALF_OPEN (testing recovery)",
                                   "Circuit breaker: HALF_OPEN → CLOSED (recovered)"));
    EXPECT_THAT(with_emoji, ElementsAre("⚠️  Circuit breaker: CLOSED → OPEN (5 failures)",
                                        "🔄 Circuit breaker: OPEN → HALF_OPEN (testing recovery)",
                                        "✅ Circuit breaker: HALF_OPEN → CLOSED (recovered)"));
}

TEST_F(seed_003_breaker, A003_P7_the_preset_resilience4j_is_the_seeds_set) {
    const auto r4j = presets::resilience4j();
    EXPECT_EQ(r4j.failure_rate_threshold, 0.5);
    EXPECT_EQ(r4j.slow_call_rate_threshold, 0.5);
    EXPECT_EQ(r4j.slow_call_duration, 2s);
    EXPECT_EQ(r4j.open_for, 30s);
    EXPECT_EQ(r4j.window, window_options{count_window{10}});
    EXPECT_EQ(r4j.minimum_calls, 5u);
    EXPECT_EQ(r4j.half_open_calls, 3u);
    EXPECT_TRUE(r4j.automatic_half_open);
}

TEST_F(seed_003_breaker, A003_P7_it_tells_of_transitions_of_the_rate_and_of_refusals) {
    auto options = presets::resilience4j();
    options.open_jitter = 0;
    circuit_breaker b = make(options);
    fusebox::testing::event_recorder seen;
    seen.watch(b, state_events | static_cast<event_mask>(event_kind::call_rejected));
    succeed(b, 2);
    fail(b, 3);
    refusal(b);
    clock.advance(30s);
    b.poll();  // a timer; no call is needed
    EXPECT_EQ(b.state(), circuit_state::half_open);
    EXPECT_THAT(seen.lines(), ElementsAre("service-b: circuit_opened by failure_rate", "service-b: call_rejected",
                                          "service-b: circuit_half_opened"));
}

TEST_F(seed_003_breaker, A003_P7_half_of_the_calls_being_slow_opens_too) {
    circuit_breaker b = make(presets::resilience4j());
    for (int i = 0; i < 5; ++i) {
        auto permit = b.try_acquire();
        clock.advance(i < 3 ? 2s : 1s);
        permit->settle(verdict::success);
    }
    EXPECT_EQ(b.state(), circuit_state::open);
    EXPECT_EQ(b.snapshot().last_rule, trip_rule::slow_call_rate);
}

TEST_F(seed_003_breaker, A003_D1_five_failures_among_the_last_ten_calls) {
    circuit_breaker b = make({.failure_count_threshold = 5, .window = count_window{10}});
    fail(b, 4);
    succeed(b, 10);
    fail(b, 4);
    EXPECT_EQ(b.state(), circuit_state::closed);
    fail(b);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(seed_003_breaker, A003_D2_half_of_at_least_ten_calls) {
    const circuit_breaker_options by_rate{
        .failure_rate_threshold = 0.5, .window = count_window{100}, .minimum_calls = 10};
    circuit_breaker few = make(by_rate);
    fail(few, 9);
    EXPECT_EQ(few.state(), circuit_state::closed) << "too few calls to tell";
    fail(few);
    EXPECT_EQ(few.state(), circuit_state::open);

    circuit_breaker many = make(by_rate);
    succeed(many, 20);
    fail(many, 19);
    EXPECT_EQ(many.state(), circuit_state::closed) << "19 of 39";
    fail(many);
    EXPECT_EQ(many.state(), circuit_state::open) << "20 of 40";
}

TEST_F(seed_003_breaker, A003_D3_so_many_failures_within_a_minute) {
    circuit_breaker b = make({.failure_count_threshold = 3, .window = time_window{60, 1s}});
    fail(b, 2);
    clock.advance(61s);
    fail(b, 2);
    EXPECT_EQ(b.state(), circuit_state::closed);
    clock.advance(30s);
    fail(b);
    EXPECT_EQ(b.state(), circuit_state::open);
}

TEST_F(seed_003_breaker, A003_D4_ten_failures_or_half_of_at_least_twenty_calls) {
    const circuit_breaker_options by_either{.failure_count_threshold = 15,
                                            .failure_rate_threshold = 0.5,
                                            .window = time_window{60, 1s},
                                            .minimum_calls = 20};
    circuit_breaker half = make(by_either);
    succeed(half, 10);
    fail(half, 9);
    EXPECT_EQ(half.state(), circuit_state::closed);
    fail(half);
    EXPECT_EQ(half.snapshot().last_rule, trip_rule::failure_rate);

    circuit_breaker many = make(by_either);
    succeed(many, 100);
    fail(many, 14);
    EXPECT_EQ(many.state(), circuit_state::closed);
    fail(many);
    EXPECT_EQ(many.snapshot().last_rule, trip_rule::failure_count) << "13 % of the calls, but 15 of them";
}

TEST_F(seed_003_breaker, A003_D4_a_rule_of_ones_own_is_the_seeds_to_the_letter) {
    const auto hybrid = [](const window_snapshot& w) {
        return w.calls >= 20 && (w.failures >= 10 || w.failure_rate() >= 0.5);
    };
    circuit_breaker b = make({.trip_when = hybrid, .window = time_window{60, 1s}});
    fail(b, 19);
    EXPECT_EQ(b.state(), circuit_state::closed) << "fewer than twenty calls";
    fail(b);
    EXPECT_EQ(b.state(), circuit_state::open);
}

}  // namespace
