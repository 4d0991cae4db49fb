#include <fusebox/retry.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{1000s};
constexpr time_point no_deadline = time_point::max();
const report failed{verdict::failure};

// The instant of the next attempt; fails the test when there is none.
retry::again_at again(const retry::next& n) {
    const auto* a = std::get_if<retry::again_at>(&n);
    EXPECT_TRUE(a) << "gave up: " << (a ? "" : to_string(std::get<retry::give_up>(n).reason));
    return a ? *a : retry::again_at{};
}
std::string gave_up(const retry::next& n) {
    const auto* g = std::get_if<retry::give_up>(&n);
    return g ? to_string(g->reason) : "did not";
}

// The waits of a call whose every attempt fails.
std::vector<duration> waits(retry& r) {
    std::vector<duration> all;
    auto call = r.begin(start);
    time_point now = start;
    for (;;) {
        const auto next = call.after(failed, false, now, no_deadline);
        const auto* a = std::get_if<retry::again_at>(&next);
        if (!a) return all;
        EXPECT_EQ(a->at, now + a->wait);
        all.push_back(a->wait);
        now = a->at;
        call.start_attempt();
    }
}

retry_options unjittered(std::uint32_t attempts) {
    return {.max_attempts = attempts, .jitter = jitter_kind::none, .without_budget = true};
}

}  // namespace

TEST(retry, counts_calls_and_not_repetitions) {
    retry r(unjittered(3));
    auto call = r.begin(start);
    EXPECT_EQ(call.attempt(), 1u);
    again(call.after(failed, false, start, no_deadline));
    EXPECT_EQ(call.attempt(), 1u) << "the second starts when the sleep is over";
    call.start_attempt();
    EXPECT_EQ(call.attempt(), 2u);
    again(call.after(failed, false, start, no_deadline));
    call.start_attempt();
    EXPECT_EQ(gave_up(call.after(failed, false, start, no_deadline)), "attempts_exhausted");
    EXPECT_EQ(call.attempt(), 3u);
    EXPECT_EQ(r.snapshot(), (retry_snapshot{.retries = 2, .attempts_exhausted = 1}));
}

TEST(retry, never_repeats_when_one_attempt_is_all) {
    retry r(unjittered(1));
    EXPECT_EQ(gave_up(r.begin(start).after(failed, false, start, no_deadline)), "attempts_exhausted");
}

TEST(retry, stops_at_success) {
    retry r(unjittered(3));
    EXPECT_EQ(gave_up(r.begin(start).after(verdict::success, false, start, no_deadline)), "succeeded");
    EXPECT_EQ(r.snapshot(), retry_snapshot{}) << "nothing happened worth counting";

    auto call = r.begin(start);
    again(call.after(failed, false, start, no_deadline));
    call.start_attempt();
    EXPECT_EQ(gave_up(call.after(verdict::success, false, start, no_deadline)), "succeeded");
    EXPECT_EQ(r.snapshot(), (retry_snapshot{.retries = 1, .recovered = 1}));
}

TEST(retry, does_not_repeat_what_would_end_the_same) {
    retry r(unjittered(3));
    EXPECT_EQ(gave_up(r.begin(start).after(verdict::ignored, false, start, no_deadline)), "not_retryable");
}

TEST(retry, never_repeats_what_a_policy_refused) {
    retry r(unjittered(3));
    for (const report& how : {failed, report{verdict::ignored}, report{verdict::success}})
        EXPECT_EQ(gave_up(r.begin(start).after(how, true, start, no_deadline)), "refused");
    EXPECT_EQ(r.snapshot().refused, 3u);
}

TEST(retry, doubles_the_wait_up_to_the_cap) {
    retry r(unjittered(8));
    EXPECT_EQ(waits(r), (std::vector<duration>{100ms, 200ms, 400ms, 800ms, 1600ms, 2s, 2s}));
}

TEST(retry, waits_the_same_each_time_when_told_so) {
    auto o = unjittered(4);
    o.backoff = backoff_kind::fixed;
    retry r(o);
    EXPECT_EQ(waits(r), (std::vector<duration>{100ms, 100ms, 100ms}));
}

// Full jitter: sleep = random_between(0, min(cap, base * 2^attempt)). M. Brooker, "Exponential Backoff And Jitter",
// AWS Architecture Blog, 2015. Over many calls the waits after n failures fill (0, bound], and evenly.
TEST(retry, full_jitter_spreads_evenly_between_zero_and_the_bound) {
    retry r({.max_attempts = 8, .without_budget = true, .seed = 1});
    const duration bounds[] = {100ms, 200ms, 400ms, 800ms, 1600ms, 2s, 2s};
    constexpr int calls = 4000;
    int tenths[7][10] = {};
    for (int i = 0; i < calls; ++i) {
        const auto all = waits(r);
        for (std::size_t n = 0; n < 7; ++n) {
            ASSERT_GT(all[n], 0ns);
            ASSERT_LE(all[n], bounds[n]);
            ++tenths[n][std::min<std::int64_t>(9, all[n] * 10 / bounds[n])];
        }
    }
    // Each tenth expects 400, with a standard deviation of 19: five of those are allowed.
    for (std::size_t n = 0; n < 7; ++n)
        for (const int count : tenths[n]) EXPECT_NEAR(count, calls / 10, 95) << "after " << n + 1 << " failures";
}

// Were a capped draw all there is, everyone would wake together after some failures.
TEST(retry, full_jitter_stays_spread_beyond_the_cap) {
    retry r({.max_attempts = 40, .without_budget = true, .seed = 2});
    const auto all = waits(r);
    const std::set<duration> late(all.begin() + 10, all.end());
    EXPECT_EQ(late.size(), 29u);
    EXPECT_LE(*late.rbegin(), 2s);
}

// Decorrelated jitter: sleep = min(cap, random_between(base, sleep * 3)). Same source.
TEST(retry, decorrelated_jitter_grows_from_the_wait_before) {
    retry r({.max_attempts = 10, .backoff = backoff_kind::decorrelated, .without_budget = true, .seed = 3});
    bool capped = false;
    for (int i = 0; i < 1000; ++i) {
        duration before = 100ms;
        for (const duration wait : waits(r)) {
            ASSERT_GE(wait, 100ms);
            ASSERT_LE(wait, std::min<duration>(2s, before * 3));
            capped = capped || wait == 2s;
            before = wait;
        }
    }
    EXPECT_TRUE(capped);
}

TEST(retry, repeats_its_waits_with_the_same_seed_and_only_then) {
    const auto all = [](std::optional<std::uint64_t> seed) {
        retry r({.max_attempts = 5, .without_budget = true, .seed = seed});
        const auto first = waits(r), second = waits(r);
        EXPECT_NE(first, second) << "two calls must not wake together";
        EXPECT_NE(std::vector<duration>(first.begin() + 1, first.end()),
                  std::vector<duration>(second.begin(), second.end() - 1))
            << "one call's numbers are another's, shifted";
        return first;
    };
    EXPECT_EQ(all(7), all(7));
    EXPECT_NE(all(7), all(8));
    EXPECT_NE(all({}), all({}));
}

TEST(retry, never_wakes_earlier_than_computed) {
    auto o = unjittered(2);
    o.base = 1ns;
    o.jitter = jitter_kind::full;
    retry r(o);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(waits(r), std::vector<duration>{1ns}) << "a fraction is rounded up";
}

TEST(retry, waits_as_long_as_the_dependency_asks) {
    retry r(unjittered(3));
    auto call = r.begin(start);
    const report busy{verdict::failure, {}, 5s};
    EXPECT_EQ(again(call.after(busy, false, start, no_deadline)).at, start + 5s) << "beyond the cap";
    call.start_attempt();
    const report short_wish{verdict::failure, {}, 10ms};
    EXPECT_EQ(again(call.after(short_wish, false, start, no_deadline)).wait, 200ms) << "own backoff is longer";
}

TEST(retry, bounds_the_wish_of_the_dependency) {
    retry r(unjittered(2));
    const auto wait_for = [&](duration wish) {
        return again(r.begin(start).after(report{verdict::failure, {}, wish}, false, start, no_deadline)).wait;
    };
    EXPECT_EQ(wait_for(30s), 30s);
    EXPECT_EQ(wait_for(31s), 30s);
    EXPECT_EQ(wait_for(duration::max()), 30s);
    EXPECT_EQ(wait_for(-1s), 100ms);
    EXPECT_EQ(wait_for(duration::min()), 100ms);
}

TEST(retry, a_wish_does_not_stretch_the_decorrelated_waits_after_it) {
    retry r({.max_attempts = 3, .backoff = backoff_kind::decorrelated, .without_budget = true, .seed = 4});
    auto call = r.begin(start);
    again(call.after(report{verdict::failure, {}, 25s}, false, start, no_deadline));
    call.start_attempt();
    EXPECT_LE(again(call.after(failed, false, start, no_deadline)).wait, 900ms);
}

TEST(retry, does_not_begin_a_sleep_that_the_deadline_cuts) {
    auto budget = std::make_shared<retry_budget>();
    auto o = unjittered(3);
    o.without_budget = false;
    o.budget = budget;
    retry r(o);
    EXPECT_EQ(gave_up(r.begin(start).after(failed, false, start, start + 99ms)), "deadline_too_near");
    EXPECT_EQ(gave_up(r.begin(start).after(failed, false, start, start + 100ms)), "deadline_too_near")
        << "no time would be left for the attempt";
    EXPECT_EQ(gave_up(r.begin(start).after(failed, false, start, start - 1s)), "deadline_too_near");
    EXPECT_EQ(budget->snapshot(start).held, 0u);
    again(r.begin(start).after(failed, false, start, start + 101ms));
    EXPECT_EQ(gave_up(r.begin(start).after(report{verdict::failure, {}, 5s}, false, start, start + 5s)),
              "deadline_too_near");
}

TEST(retry, holds_its_place_in_the_budget_while_it_sleeps) {
    auto budget = std::make_shared<retry_budget>(retry_budget_options{.ratio = 0, .min_per_second = 1, .window = 1s});
    retry r({.budget = budget});
    auto call = r.begin(start), other = r.begin(start);
    EXPECT_EQ(budget->snapshot(start).calls, 2u);
    const time_point wakes = again(call.after(failed, false, start, no_deadline)).at;
    EXPECT_EQ(budget->snapshot(start).held, 1u);
    EXPECT_EQ(gave_up(other.after(failed, false, start, no_deadline)), "budget_exhausted");

    call.start_attempt();
    EXPECT_EQ(budget->snapshot(wakes).held, 0u);
    EXPECT_EQ(budget->snapshot(wakes).spent, 1u);
    EXPECT_EQ(budget->snapshot(wakes).calls, 2u) << "an extra attempt earns nothing";
    EXPECT_EQ(gave_up(call.after(failed, false, wakes, no_deadline)), "budget_exhausted");
    EXPECT_EQ(r.snapshot(), (retry_snapshot{.retries = 1, .budget_exhausted = 2}));
}

TEST(retry, gives_its_place_back_when_cancelled_or_dropped) {
    auto budget = std::make_shared<retry_budget>();
    retry r({.budget = budget});
    auto call = r.begin(start);
    again(call.after(failed, false, start, no_deadline));
    EXPECT_EQ(gave_up(call.cancel()), "cancelled");
    EXPECT_EQ(budget->snapshot(start).held, 0u);
    EXPECT_EQ(r.snapshot(), (retry_snapshot{.cancelled = 1}));
    {
        auto dropped = r.begin(start);
        again(dropped.after(failed, false, start, no_deadline));
        const auto moved = std::move(dropped);
        EXPECT_EQ(budget->snapshot(start).held, 1u);
    }
    EXPECT_EQ(budget->snapshot(start).held, 0u);
    EXPECT_EQ(budget->snapshot(start).spent, 0u);
}

TEST(retry, has_a_budget_of_its_own_unless_it_is_spelt_out) {
    const retry usual, another, unbounded({.without_budget = true});
    ASSERT_TRUE(usual.budget());
    EXPECT_EQ(usual.budget()->options(), retry_budget_options{});
    EXPECT_NE(usual.budget(), another.budget());
    EXPECT_FALSE(unbounded.budget());
}

TEST(retry, a_storm_stays_within_the_budget) {
    retry r;  // a hundred calls a second for 10 s, and all fail: 2000 retries without a budget
    std::vector<std::pair<time_point, retry::session>> sleeping;
    for (int i = 0; i <= 1200; ++i) {
        const time_point now = start + i * 10ms;
        std::erase_if(sleeping, [&](auto& s) {
            if (s.first > now) return false;
            s.second.start_attempt();
            return true;
        });
        if (i >= 1000) continue;
        auto call = r.begin(now);
        const auto next = call.after(failed, false, now, no_deadline);
        if (const auto* a = std::get_if<retry::again_at>(&next)) sleeping.emplace_back(a->at, std::move(call));
    }
    EXPECT_EQ(r.snapshot(), (retry_snapshot{.retries = 230, .budget_exhausted = 770}));
}

TEST(retry, the_millionth_attempt_neither_overflows_nor_turns_negative) {
    for (const auto kind : {backoff_kind::exponential, backoff_kind::decorrelated}) {
        retry r({.max_attempts = 1'000'000, .backoff = kind, .multiplier = 100, .cap = 24h, .without_budget = true});
        auto call = r.begin(start);
        for (std::uint32_t n = 1; n < 1'000'000; ++n) {
            const duration wait = again(call.after(failed, false, start, no_deadline)).wait;
            if (wait < 0ns || wait > 24h) FAIL() << "after " << n << ": " << wait.count();
            call.start_attempt();
        }
        EXPECT_EQ(call.attempt(), 1'000'000u);
        EXPECT_EQ(gave_up(call.after(failed, false, start, no_deadline)), "attempts_exhausted");
    }
}

TEST(retry, saturates_at_the_end_of_time) {
    retry r(unjittered(2));
    const time_point late = time_point::max() - 1ns;
    EXPECT_EQ(gave_up(r.begin(late).after(failed, false, late, no_deadline)), "deadline_too_near");
}

TEST(retry, says_what_it_will_do) {
    retry r(unjittered(3));
    auto call = r.begin(start);
    EXPECT_EQ(again(call.after(failed, false, start, no_deadline)).message(), "Attempt 1 failed, retrying in 0.10s...");
    call.start_attempt();
    EXPECT_EQ(again(call.after(report{verdict::failure, {}, 1256ms}, false, start, no_deadline)).message(),
              "Attempt 2 failed, retrying in 1.26s...");
    EXPECT_EQ((retry::again_at{start, duration::max(), 4294967295u}.message()),
              "Attempt 4294967295 failed, retrying in 9223372036.85s...");
}

TEST(retry, calls_of_many_threads_draw_different_numbers) {
    retry r({.max_attempts = 2, .without_budget = true, .seed = 5});
    std::vector<duration> drawn(400);
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (std::size_t i = 0; i < 100; ++i) drawn[t * 100 + i] = waits(r).at(0);
            });
    }
    EXPECT_EQ(std::set<duration>(drawn.begin(), drawn.end()).size(), drawn.size());
    EXPECT_EQ(r.snapshot(), (retry_snapshot{.retries = 400, .attempts_exhausted = 400}));
}

TEST(retry, a_session_is_small_and_movable) {
    static_assert(std::is_nothrow_move_constructible_v<retry::session>);
    static_assert(!std::is_copy_constructible_v<retry::session>);
    EXPECT_LE(sizeof(retry::session), 64u);
}

TEST(retry, refuses_what_cannot_be_meant) {
    const auto what = [](const retry_options& o) {
        const auto errors = o.validate();
        return errors.size() == 1 ? errors[0].message() : std::to_string(errors.size()) + " errors";
    };
    EXPECT_EQ(what({.max_attempts = 0}), "max_attempts = 0: must be between 1 and 1000000");
    EXPECT_EQ(what({.base = 3s}), "base = 3s: must be between 0s and cap, 2s");
    EXPECT_EQ(what({.base = -1ms}), "base = -1ms: must be between 0s and cap, 2s");
    EXPECT_EQ(what({.multiplier = 0.5}), "multiplier = 0.5: must be between 1 and 100");
    EXPECT_EQ(what({.cap = 25h}), "cap = 90000s: must be between 0s and 24h");
    EXPECT_EQ(what({.retry_after_max = -1s}), "retry_after_max = -1s: must be between 0s and 24h");
    EXPECT_EQ(what({.backoff = backoff_kind::decorrelated, .jitter = jitter_kind::none}),
              "jitter = none: must be full: decorrelated backoff is random by itself");
    EXPECT_EQ(what({.backoff = backoff_kind{9}}), "backoff = 9: must be exponential, fixed or decorrelated");
    EXPECT_EQ(what({.jitter = jitter_kind{9}}), "jitter = 9: must be full or none");
    EXPECT_EQ(what({.budget = std::make_shared<retry_budget>(), .without_budget = true}),
              "without_budget = true: must be false when a budget is given; leave out one of the two");
    EXPECT_THROW(retry({.max_attempts = 0}), configuration_error);
}
