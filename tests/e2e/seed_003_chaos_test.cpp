// Seed 003: its figures, replayed. The numbers are what the simulated service and its callers counted.
#include "demo_fixture.hpp"
#include "socket_talk.hpp"

#include <chaos/cascade.hpp>
#include <chaos/monkey.hpp>
#include <chaos/settings.hpp>
#include <chaos/storm.hpp>
#include <chaos/target.hpp>

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

namespace {

using namespace e2e;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <template <class> class Scenario, class Options>
auto simulated(const Options& options) {
    chaos::simulation world;
    Scenario<chaos::simulation> scenario{world, options};
    world.run(scenario.run());
    return scenario.figures();
}

TEST(seed_003_chaos, A003_R1_without_a_breaker_9000_callers_are_blocked) {
    chaos::cascade_options without;
    without.has_breaker = false;
    const auto counted = simulated<chaos::cascade>(without);
    EXPECT_EQ(counted.most_blocked, 9000u) << "100 a second, for 3 timeouts of 30 s";
    EXPECT_EQ(counted.blocked_at_the_end, 9000u);
    EXPECT_EQ(counted.failed_fast, 0u);
    EXPECT_EQ(counted.answered + counted.failed_slowly, counted.callers);
    EXPECT_TRUE(counted.transitions.empty());
}

TEST(seed_003_chaos, A003_R1_with_a_breaker_five_failures_open_it_and_one_probe_finds_out_after_30_s) {
    const auto counted = simulated<chaos::cascade>(chaos::cascade_options{});
    EXPECT_THAT(counted.transitions, ElementsAre("   30.04 s  Circuit breaker: CLOSED → OPEN (5 failures)",
                                                 "   60.04 s  Circuit breaker: OPEN → HALF_OPEN (testing recovery)",
                                                 "   90.04 s  Circuit breaker: HALF_OPEN → OPEN (6 failures)",
                                                 "  120.04 s  Circuit breaker: OPEN → HALF_OPEN (testing recovery)",
                                                 "  120.05 s  Circuit breaker: HALF_OPEN → CLOSED (recovered)"));
    EXPECT_EQ(counted.blocked_at_the_end, 1u) << "the probe";
    EXPECT_LT(counted.most_blocked, 3010u) << "those who called before the first timeout";
    EXPECT_GT(counted.failed_fast, 8000u);
    EXPECT_EQ(counted.answered + counted.failed_slowly + counted.failed_fast, counted.callers);
}

TEST(seed_003_chaos, A003_R1_with_a_breaker_and_a_timeout_of_1_s_nobody_is_blocked_in_the_end) {
    chaos::cascade_options impatient;
    impatient.timeout = 1s;
    const auto counted = simulated<chaos::cascade>(impatient);
    EXPECT_EQ(counted.blocked_at_the_end, 0u);
    EXPECT_LT(counted.most_blocked, 110u);
    EXPECT_LT(counted.time_to_recover, 4s);
}

TEST(seed_003_chaos, A003_R1_the_breaker_spares_the_service) {
    chaos::cascade_options with, without;
    without.has_breaker = false;
    const auto spared = simulated<chaos::cascade>(with), not_spared = simulated<chaos::cascade>(without);
    EXPECT_LT(4 * spared.service_calls, not_spared.service_calls);
}

chaos::storm_options storm_of_seed_1(bool budget, bool breakers) {
    chaos::storm_options options;
    options.has_budget = budget;
    options.has_breakers = breakers;
    options.seed = 1;
    return options;
}

TEST(seed_003_chaos, A003_R1_three_tiers_of_three_tries_make_27_calls_of_one) {
    const auto counted = simulated<chaos::storm>(storm_of_seed_1(false, false));
    EXPECT_EQ(counted.service_calls, 27 * counted.callers);
}

TEST(seed_003_chaos, A003_R1_one_retry_budget_for_all_tiers_adds_a_fifth_at_most) {
    const auto counted = simulated<chaos::storm>(storm_of_seed_1(true, false));
    EXPECT_LE(counted.amplification(), 1.2);
    EXPECT_GE(counted.amplification(), 1.1) << "it is spent, too";
    EXPECT_EQ(counted.service_calls, counted.callers + counted.retries);
}

TEST(seed_003_chaos, A003_R1_breakers_keep_the_storm_from_the_service) {
    const auto counted = simulated<chaos::storm>(storm_of_seed_1(true, true));
    EXPECT_LT(counted.service_calls, 20u);
    EXPECT_GT(counted.refused_by_breakers, 900u);
}

std::vector<std::string> monkey_lines(const chaos::monkey_options& options) {
    std::vector<std::string> lines;
    chaos::simulation world;
    chaos::monkey<chaos::simulation> calls{world, options,
                                           [&lines](const std::string& line) { lines.push_back(line); }};
    world.run(calls.run());
    return lines;
}

TEST(seed_003_chaos, A003_T3_a_hundred_calls_say_how_they_ended_and_the_stats_come_last) {
    auto lines = monkey_lines({.fail_rate = 0.5, .seed = 1});
    const json stats = json::parse(lines.back());
    lines.pop_back();
    int opened = 0, number = 0;
    std::map<std::string, int> outcomes;
    for (const auto& line : lines) {
        if (line == "Circuit breaker: CLOSED → OPEN (5 failures)") {
            ++opened;
            continue;
        }
        const std::string call = "Call " + std::to_string(number++) + ": ";
        ASSERT_TRUE(line.starts_with(call)) << line;
        ++outcomes[line.substr(call.size())];
    }
    EXPECT_EQ(opened, 1);
    EXPECT_EQ(number, 100);
    EXPECT_EQ(outcomes["FAILED (Chaos monkey strike!)"], 5);
    EXPECT_EQ(outcomes["SUCCESS"] + outcomes["BLOCKED (circuit open)"], 95);
    EXPECT_GT(outcomes["SUCCESS"], 0);
    EXPECT_EQ(stats["state"], "open");
    EXPECT_EQ(stats["total_calls"], 100);
    EXPECT_EQ(stats["total_successes"], outcomes["SUCCESS"]);
    EXPECT_EQ(stats["total_failures"], 5);
    EXPECT_EQ(stats["recent_failures"], 5);
    EXPECT_EQ(stats["failure_threshold"], 5);
    EXPECT_LT(stats["opened_at"], 10);
}

TEST(seed_003_chaos, A003_T3_the_same_seed_strikes_the_same_calls) {
    EXPECT_EQ(monkey_lines({.seed = 7}), monkey_lines({.seed = 7}));
    EXPECT_NE(monkey_lines({.seed = 7}), monkey_lines({.seed = 8}));
}

TEST(seed_003_chaos, A003_T3_the_circuit_is_tried_again_after_ten_seconds) {
    const auto lines = monkey_lines({.calls = 300, .seed = 1});
    EXPECT_THAT(lines, ::testing::Contains("Circuit breaker: OPEN → HALF_OPEN (testing recovery)"));
}

TEST(seed_003_chaos, A003_T3_is_set_from_the_environment) {
    auto env = environment_of(
        {{"CHAOS_FAIL_RATE", "0.5"}, {"CALLS", "7"}, {"CALL_EVERY", "0.2"}, {"SEED", "9"}, {"REAL_TIMEOUT", "6"}});
    const auto set = chaos::settings::from(env);
    EXPECT_TRUE(env.refused().empty());
    EXPECT_EQ(set.monkey.fail_rate, 0.5);
    EXPECT_EQ(set.monkey.calls, 7u);
    EXPECT_EQ(set.monkey.call_every, 200ms);
    EXPECT_EQ(set.monkey.seed, 9u);
    EXPECT_DOUBLE_EQ(set.real_scale, 0.2);
    auto none = environment_of({});
    EXPECT_EQ(chaos::settings::from(none).monkey.fail_rate, 0.3);
    auto bad = environment_of({{"CALLS", "0"}, {"REAL_TIMEOUT", "0.1"}});
    chaos::settings::from(bad);
    EXPECT_EQ(bad.refused().size(), 2u);
}

TEST(seed_003_chaos, the_target_is_ill_as_it_is_told) {
    chaos::target service;
    const server at = serve(service.routes());
    const auto become = [&](const std::string& how) {
        return converse(at.port(), "POST /condition/" + how +
                                       " HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    EXPECT_EQ(get(at.port(), "/work").status, 200);
    become("failing");
    EXPECT_EQ(get(at.port(), "/work").status, 500);
    EXPECT_THAT(become("sleepy"), HasSubstr("404"));
    EXPECT_EQ(get(at.port(), "/work").status, 500);
    become("healthy");
    EXPECT_EQ(get(at.port(), "/work").status, 200);
    EXPECT_EQ(get(at.port(), "/calls").body, "4\n");
}

}  // namespace
