// The verdict of an endpoint against the table of docs/health.md, for every combination of what can be known.
#include "endpoints/endpoint_verdict.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;
using namespace std::chrono_literals;

constexpr time_point now{1000s};
constexpr duration ramp = 30s;

// The table, row by row, written anew: the first row whose conditions all hold gives the answer. An empty
// optional is "any". It shares nothing with the function but the types.
struct row {
    std::optional<admin_state> admin;
    std::optional<check_state> check;
    std::optional<bool> active_check_passes;  // up or off
    std::optional<bool> ejected_and_not_cancelled;
    std::optional<bool> ejection_over;
    std::optional<bool> breaker_refuses;
    std::optional<circuit_state> breaker;
    std::optional<bool> breaker_due;
    std::optional<bool> serves_unchecked;  // initial_state: up, or nobody else is up
    std::optional<bool> panic;
    std::optional<bool> ramping;
    endpoint_verdict verdict;
    gateway::traffic traffic;
};

constexpr std::nullopt_t any = std::nullopt;
using v = endpoint_verdict;
using t = gateway::traffic;
using a = admin_state;
using c = check_state;

const std::vector<row> table = {
    // admin, check, passes, ejected, over, refuses, breaker, due, unchecked, panic, ramping -> verdict, traffic
    {a::maintenance, any, any, any, any, any, any, any, any, any, any, v::maintenance, t::none},
    {a::drain, any, any, any, any, any, any, any, any, any, any, v::draining, t::existing},
    {a::force_up, any, any, any, any, any, any, any, any, any, any, v::forced_up, t::full},
    {any, c::pending, any, any, any, any, any, any, true, any, any, v::up, t::full},
    {any, c::pending, any, any, any, any, any, any, false, true, any, v::up, t::full},
    {any, c::pending, any, any, any, any, any, any, false, false, any, v::warming, t::none},
    {any, c::down, any, any, any, any, any, any, any, true, any, v::down, t::full},
    {any, c::down, any, any, any, any, any, any, any, false, any, v::down, t::none},
    {any, any, true, true, false, any, any, any, any, any, any, v::ejected, t::none},
    {any, any, true, true, true, any, any, any, any, any, any, v::ejected, t::trial},
    {any, any, true, false, any, true, circuit_state::forced_open, any, any, any, any, v::open, t::none},
    {any, any, true, false, any, true, circuit_state::open, false, any, any, any, v::open, t::none},
    {any, any, true, false, any, true, circuit_state::open, true, any, any, any, v::open, t::trial},
    {any, any, true, false, any, true, circuit_state::half_open, any, any, any, any, v::half_open, t::trial},
    {any, any, true, false, any, false, any, any, any, any, true, v::slow_start, t::full},
    {any, any, true, false, any, false, any, any, any, any, false, v::up, t::full},
};

struct situation {
    endpoint_condition endpoint;
    pool_condition pool;
    verdict_options options;
};

const row& expected_row(const situation& s) {
    const auto& e = s.endpoint;
    const bool refuses = e.breaker == circuit_state::open || e.breaker == circuit_state::half_open ||
                         e.breaker == circuit_state::forced_open;
    const bool ramping = s.options.slow_start > 0s && e.serving_since != time_point::min() &&
                         now < e.serving_since + s.options.slow_start;
    const auto holds = [](const auto& wanted, auto is) { return !wanted || *wanted == is; };
    for (const row& r : table) {
        if (holds(r.admin, e.admin) && holds(r.check, e.check) &&
            holds(r.active_check_passes, e.check == check_state::up || e.check == check_state::off) &&
            holds(r.ejected_and_not_cancelled, e.ejected && !s.pool.ejection_cancelled) &&
            holds(r.ejection_over, now >= e.ejected_until) && holds(r.breaker_refuses, refuses) &&
            holds(r.breaker, e.breaker) && holds(r.breaker_due, now >= e.breaker_until) &&
            holds(r.serves_unchecked, s.options.initial == initial_state::up || s.pool.others_up == 0) &&
            holds(r.panic, s.pool.panic) && holds(r.ramping, ramping))
            return r;
    }
    throw std::logic_error("the table has a hole");
}

template <class F>
void for_every_situation(F&& f) {
    for (const auto admin : {a::automatic, a::drain, a::maintenance, a::force_up})
        for (const auto check : {c::off, c::pending, c::up, c::down})
            for (const int ejection : {0, 1, 2})
                for (int breaker = 0; breaker < 6; ++breaker)
                    for (const auto due : {now - 1ns, now, now + 1ns})
                        for (const std::uint32_t others : {0u, 1u, 5u})
                            for (const bool cancelled : {false, true})
                                for (const bool panic : {false, true})
                                    for (const auto initial : {initial_state::warming, initial_state::up})
                                        for (const auto since : {time_point::min(), now - ramp, now - ramp / 2, now})
                                            for (const duration slow_start : {duration{0s}, ramp}) {
                                                situation s;
                                                s.endpoint = {.admin = admin,
                                                              .check = check,
                                                              .ejected = ejection != 0,
                                                              .ejected_since = now - 10s,
                                                              .ejected_until = ejection == 1 ? now + 1ns : now,
                                                              .breaker = static_cast<circuit_state>(breaker),
                                                              .breaker_until = due,
                                                              .serving_since = since};
                                                s.pool = {others, cancelled, panic};
                                                s.options.initial = initial;
                                                s.options.slow_start = slow_start;
                                                f(s);
                                            }
}

TEST(endpoint_verdict, is_that_of_the_table_in_every_situation) {
    std::size_t situations = 0;
    std::vector<std::size_t> met(table.size());
    for_every_situation([&](const situation& s) {
        const row& r = expected_row(s);
        const judgement j = judge(s.endpoint, s.pool, s.options, now);
        ++met[std::size_t(&r - table.data())];
        ++situations;
        if (j.verdict != r.verdict || j.traffic != r.traffic)
            FAIL() << "row " << (&r - table.data()) << ": " << to_string(j.verdict) << ", " << to_string(j.traffic);
    });
    EXPECT_EQ(situations, 4u * 4 * 3 * 6 * 3 * 3 * 2 * 2 * 2 * 4 * 2);
    for (std::size_t i = 0; i < met.size(); ++i) EXPECT_GT(met[i], 0u) << "row " << i << " was never the answer";
}

TEST(endpoint_verdict, gives_a_share_to_full_traffic_and_only_to_it) {
    for_every_situation([](const situation& s) {
        const judgement j = judge(s.endpoint, s.pool, s.options, now);
        if (j.traffic == traffic::full) {
            ASSERT_GT(j.share, 0);
            ASSERT_LE(j.share, 1);
            ASSERT_EQ(j.share < 1, j.verdict == endpoint_verdict::slow_start);
        } else {
            ASSERT_EQ(j.share, 0);
        }
    });
}

TEST(endpoint_verdict, says_why_since_when_and_until_when) {
    const verdict_options options;
    endpoint_condition e{.ejected = true, .ejected_since = now - 5s, .ejected_until = now + 25s};
    judgement j = judge(e, {}, options, now);
    EXPECT_EQ(j.reason, verdict_reason::outlier);
    EXPECT_EQ(j.since, now - 5s);
    EXPECT_EQ(j.until, now + 25s);

    j = judge(e, {.ejection_cancelled = true}, options, now);
    EXPECT_EQ(j.verdict, endpoint_verdict::up);
    EXPECT_EQ(j.reason, verdict_reason::kept_by_min_available);

    e = {.admin = admin_state::drain, .admin_since = now - 1s, .admin_until = now + 60s};
    j = judge(e, {}, options, now);
    EXPECT_EQ(j.reason, verdict_reason::set_by_operator);
    EXPECT_EQ(j.since, now - 1s);
    EXPECT_EQ(j.until, now + 60s);
}

TEST(endpoint_verdict, lets_a_returning_endpoints_share_grow_in_a_straight_line_from_the_floor) {
    const verdict_options options{.slow_start = 30s, .slow_start_floor = 0.2};
    const auto share_after = [&](duration since) {
        return judge({.serving_since = now - since}, {}, options, now).share;
    };
    EXPECT_DOUBLE_EQ(share_after(0s), 0.2);
    EXPECT_DOUBLE_EQ(share_after(3s), 0.2);
    EXPECT_DOUBLE_EQ(share_after(15s), 0.5);
    EXPECT_DOUBLE_EQ(share_after(30s), 1);
    EXPECT_EQ(judge({.serving_since = now - 30s}, {}, options, now).verdict, endpoint_verdict::up);
}

// -- The pool.

endpoint_condition ejected(std::uint32_t in_a_row, double rate = 1) {
    return {.ejected = true,
            .ejected_since = now - 1s,
            .ejected_until = now + 29s,
            .ejections = in_a_row,
            .failure_rate = rate};
}

std::string pool_of(const std::vector<endpoint_condition>& pool, const verdict_options& options = {}) {
    std::string verdicts;
    for (const auto& j : judge_pool(pool, options, now)) {
        if (!verdicts.empty()) verdicts += ' ';
        verdicts += to_string(j.verdict);
        if (j.reason == verdict_reason::kept_by_min_available) verdicts += "(kept)";
        if (j.reason == verdict_reason::panic) verdicts += "(panic)";
    }
    return verdicts;
}

TEST(endpoint_pool, of_one_never_loses_its_endpoint_to_ejection) {
    EXPECT_EQ(pool_of({ejected(9)}), "up(kept)");
    EXPECT_EQ(pool_of({ejected(9)}, {.min_available = 0, .min_available_share = 0}), "up(kept)");
    EXPECT_EQ(
        pool_of({ejected(9), {.admin = admin_state::maintenance}}, {.min_available = 0, .min_available_share = 0}),
        "up(kept) maintenance");
}

TEST(endpoint_pool, counts_the_candidate_as_gone_before_it_decides_on_its_ejection) {
    // Of three, half are two: one may go, the second may not, although two thirds were up before it went.
    EXPECT_EQ(pool_of({ejected(1), {}, {}}), "ejected up up");
    EXPECT_EQ(pool_of({ejected(2), ejected(1), {}}), "ejected up(kept) up");
}

TEST(endpoint_pool, cancels_the_mildest_ejections_first_and_the_worst_last) {
    const verdict_options two{.min_available = 2, .min_available_share = 0};
    EXPECT_EQ(pool_of({ejected(3), ejected(1, 0.9), ejected(1, 0.5), ejected(2)}, two),
              "ejected up(kept) up(kept) ejected");
    EXPECT_EQ(pool_of({ejected(3), ejected(1), ejected(2)}, {.min_available = 3}), "up(kept) up(kept) up(kept)");
}

TEST(endpoint_pool, does_not_cancel_what_an_active_check_says) {
    const endpoint_condition down{.check = check_state::down};
    EXPECT_EQ(pool_of({down, down}), "down down");
    EXPECT_EQ(pool_of({down, ejected(1)}), "down up(kept)");
    EXPECT_EQ(pool_of({down, down, {.check = check_state::up}}, {.panic = panic_mode::route_all}),
              "down(panic) down(panic) up");
    EXPECT_EQ(judge_pool(std::vector{down}, {.panic = panic_mode::route_all}, now)[0].traffic, traffic::full);
}

TEST(endpoint_pool, does_not_cancel_what_a_breaker_says) {
    const endpoint_condition open{.breaker = circuit_state::open, .breaker_until = now + 5s};
    EXPECT_EQ(pool_of({open, open}, {.panic = panic_mode::route_all}), "open open");
}

TEST(endpoint_pool, warms_up_only_while_others_are_up) {
    const endpoint_condition fresh{.check = check_state::pending};
    EXPECT_EQ(pool_of({fresh, fresh}), "up up");
    EXPECT_EQ(pool_of({fresh, {.check = check_state::up}}), "warming up");
    EXPECT_EQ(pool_of({fresh, {.check = check_state::down}}), "up down");
    EXPECT_EQ(pool_of({fresh, {.check = check_state::up}}, {.initial = initial_state::up}), "up up");
}

TEST(endpoint_pool, requires_one_endpoint_or_half_of_those_in_service) {
    EXPECT_EQ(required_available({}, 0), 0u);
    EXPECT_EQ(required_available({}, 1), 1u);
    EXPECT_EQ(required_available({}, 2), 1u);
    EXPECT_EQ(required_available({}, 3), 2u);
    EXPECT_EQ(required_available({.min_available = 7}, 5), 5u);
    EXPECT_EQ(required_available({.min_available_share = 0.07}, 100), 7u);
    // Two of four are being mended by an operator: of the other two, one may be ejected.
    const endpoint_condition mended{.admin = admin_state::maintenance};
    EXPECT_EQ(pool_of({mended, mended, ejected(1), {}}), "maintenance maintenance ejected up");
}

TEST(endpoint_verdict, refuses_options_that_cannot_be_meant) {
    EXPECT_TRUE(verdict_options{}.validate().empty());
    const verdict_options wrong{.min_available_share = 1.5, .slow_start = -1s, .slow_start_floor = 0};
    ASSERT_EQ(wrong.validate().size(), 3u);
    EXPECT_EQ(wrong.validate()[0].option, "min_available_share");
}

}  // namespace
