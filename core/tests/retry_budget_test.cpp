#include <fusebox/retry_budget.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{1000s};

void note_calls(retry_budget& budget, int n, time_point now) {
    for (int i = 0; i < n; ++i) budget.note_call(now);
}

// Takes places until one is refused, and spends them at once.
int spend_all(retry_budget& budget, time_point now) {
    int n = 0;
    while (auto place = budget.try_reserve(now)) {
        place->spend(now);
        ++n;
    }
    return n;
}

// Ten seconds of `rate` calls a second, evenly spread, each of which would like one retry: how many go through.
int ten_seconds(retry_budget& budget, int rate, time_point from) {
    int retries = 0;
    for (int i = 0; i < 10 * rate; ++i) {
        const time_point now = from + i * (1s / rate);
        budget.note_call(now);
        if (auto place = budget.try_reserve(now)) {
            place->spend(now);
            ++retries;
        }
    }
    return retries;
}

}  // namespace

TEST(retry_budget, allows_the_share_of_calls_and_the_floor) {
    struct {
        double ratio;
        std::uint32_t min_per_second;
        duration window;
        int calls, allowed;  // ratio * calls + min_per_second * window, rounded up
    } const table[] = {
        {0.2, 3, 10s, 0, 30},    {0.2, 3, 10s, 1000, 230},
        {0.2, 1, 1s, 10, 3},     {0.0, 3, 10s, 1000, 30},
        {0.2, 0, 10s, 0, 0},     {0.2, 0, 10s, 1, 1},
        {0.2, 0, 10s, 5, 1},     {0.2, 0, 10s, 6, 2},
        {1.0, 0, 10s, 7, 7},     {0.0, 0, 10s, 100, 0},
        {0.5, 2, 60s, 100, 170}, {0.07, 0, 10s, 100, 7},  // 7.000000000000001 in binary fractions
        {0.1, 0, 10s, 30, 3},                             // 3.0000000000000004 as 0.1 + 0.1 + 0.1
        {0.29, 0, 10s, 100, 29},                          // 28.999999999999996
    };
    for (const auto& row : table) {
        retry_budget budget({row.ratio, row.min_per_second, row.window});
        note_calls(budget, row.calls, start);
        EXPECT_EQ(budget.snapshot(start).available, row.allowed) << row.ratio << " of " << row.calls;
        EXPECT_EQ(spend_all(budget, start), row.allowed) << row.ratio << " of " << row.calls;
    }
}

TEST(retry_budget, at_20_percent_and_100_calls_a_second_lets_20_and_3_retries_a_second_through) {
    retry_budget budget;
    for (int window = 0; window < 6; ++window)
        EXPECT_EQ(ten_seconds(budget, 100, start + window * 10s), 10 * (20 + 3)) << "window " << window;
}

TEST(retry_budget, bounds_the_load_of_three_layers_that_retry) {
    // A floor of 0 leaves the share alone: each layer adds 20 %, where three attempts each make 27-fold load.
    int load = 10000;
    for (int layer = 0; layer < 3; ++layer) {
        retry_budget budget({.ratio = 0.2, .min_per_second = 0});
        load += ten_seconds(budget, load / 10, start);
    }
    EXPECT_EQ(load, 17280);  // 10000 * 1.2^3
}

// Finagle's RetryBudget(ttl = 10 s, minRetriesPerSec = 10, percentCanRetry = 0.2): a fresh one has a balance of
// 10 * 10 retries, and five requests deposit one more.
TEST(retry_budget, finagle_arithmetic) {
    for (const auto& [calls, retries] : {std::pair{0, 100}, {5, 101}, {10, 102}, {1000, 300}}) {
        retry_budget budget({.ratio = 0.2, .min_per_second = 10, .window = 10s});
        note_calls(budget, calls, start);
        EXPECT_EQ(spend_all(budget, start), retries) << calls;
    }
}

// Envoy's retry_budget(budget_percent = 20 %, min_retry_concurrency = 3) compares what is active and pending now:
// a hundred calls that fail together may have 20 retries between them, whether those still back off or not.
TEST(retry_budget, envoy_holds_places_for_retries_that_still_back_off) {
    retry_budget budget({.ratio = 0.2, .min_per_second = 3, .window = 1s});
    note_calls(budget, 100, start);
    std::vector<retry_budget::reservation> sleepers;
    while (auto place = budget.try_reserve(start)) sleepers.push_back(std::move(*place));
    EXPECT_EQ(sleepers.size(), 20u + 3u);
    EXPECT_EQ(budget.snapshot(start), (retry_budget_snapshot{100, 0, 23, 0, 0, 1}));
}

// gRPC A6 (maxTokens = 10, tokenRatio = 0.1): a failure takes a token, a success brings 0.1, and retries stop at
// half. In an outage it stops them altogether after two calls; a budget of ours goes on at its share, so that
// the first sign of recovery is not missed.
TEST(retry_budget, grpc_a6_stops_in_an_outage_and_ours_goes_on_at_its_share) {
    int a6_retries = 0;
    double tokens = 10;
    for (int call = 0; call < 1000; ++call) {
        tokens = std::max(0.0, tokens - 1);
        if (tokens <= 5) continue;
        ++a6_retries;
        tokens = std::max(0.0, tokens - 1);
    }
    EXPECT_EQ(a6_retries, 2);

    retry_budget budget;
    EXPECT_EQ(ten_seconds(budget, 100, start), 230);
}

TEST(retry_budget, takes_back_a_place_that_was_not_used) {
    retry_budget budget({.ratio = 0, .min_per_second = 1, .window = 1s});
    {
        const auto sleeping = budget.try_reserve(start);
        ASSERT_TRUE(sleeping);
        EXPECT_FALSE(budget.try_reserve(start));
    }  // cancelled in its sleep
    EXPECT_EQ(budget.snapshot(start).held, 0u);
    EXPECT_TRUE(budget.try_reserve(start));
}

TEST(retry_budget, keeps_what_was_spent_until_it_leaves_the_window) {
    retry_budget budget({.ratio = 0, .min_per_second = 1, .window = 1s});
    budget.try_reserve(start + 50ms)->spend(start + 50ms);
    EXPECT_FALSE(budget.try_reserve(start + 999ms));  // buckets of 100 ms: the first is covered for 1 s
    EXPECT_TRUE(budget.try_reserve(start + 1s));
    EXPECT_EQ(budget.snapshot(start + 1s), (retry_budget_snapshot{0, 0, 0, 1, 1, 1}));
}

TEST(retry_budget, counts_an_attempt_when_it_starts_and_not_when_its_place_was_taken) {
    retry_budget budget({.ratio = 0, .min_per_second = 1, .window = 1s});
    auto place = budget.try_reserve(start);
    place->spend(start + 5s);
    place->spend(start + 6s);  // idempotent
    EXPECT_FALSE(budget.try_reserve(start + 5900ms));
    EXPECT_TRUE(budget.try_reserve(start + 6s));
}

TEST(retry_budget, holds_a_place_however_long_the_sleep_takes) {
    retry_budget budget({.ratio = 0, .min_per_second = 1, .window = 1s});
    const auto sleeping = budget.try_reserve(start);
    EXPECT_FALSE(budget.try_reserve(start + 1h));
}

TEST(retry_budget, moves_a_place_with_its_owner) {
    retry_budget budget({.ratio = 0, .min_per_second = 2, .window = 1s});
    auto a = budget.try_reserve(start), b = budget.try_reserve(start);
    {
        retry_budget::reservation moved(std::move(*a));
        EXPECT_EQ(budget.snapshot(start).held, 2u);
        moved = std::move(*b);  // swaps: `b` now has the place of `a`
        EXPECT_EQ(budget.snapshot(start).held, 2u);
    }
    EXPECT_EQ(budget.snapshot(start).held, 1u);
    b.reset();
    EXPECT_EQ(budget.snapshot(start).held, 0u);
}

TEST(retry_budget, forgets_calls_that_left_the_window) {
    retry_budget budget({.ratio = 0.5, .min_per_second = 0, .window = 10s});
    note_calls(budget, 4, start);
    note_calls(budget, 2, start + 9999ms);
    EXPECT_EQ(budget.snapshot(start + 9999ms).calls, 6u);
    EXPECT_EQ(budget.snapshot(start + 10s).calls, 2u);
    EXPECT_EQ(budget.snapshot(start + 1h).calls, 0u);
    EXPECT_EQ(budget.snapshot(start + 10s).calls, 2u) << "reading changed it";
    EXPECT_EQ(spend_all(budget, start + 10s), 1);
    note_calls(budget, 1, start + 1h);
    EXPECT_EQ(budget.snapshot(start + 1h).calls, 1u);
}

TEST(retry_budget, counts_the_calls_of_every_thread) {
    retry_budget budget;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back([&] { note_calls(budget, 250, start); });
    threads.clear();
    EXPECT_EQ(budget.snapshot(start).calls, 1000u);
}

TEST(retry_budget, starts_empty_in_the_place_of_another) {
    for (int i = 0; i < 3; ++i) {
        retry_budget budget;
        note_calls(budget, 10, start);
        EXPECT_EQ(budget.snapshot(start).calls, 10u);
    }
}

TEST(retry_budget, refuses_what_cannot_be_meant) {
    const auto what = [](const retry_budget_options& o) {
        const auto errors = o.validate();
        return errors.size() == 1 ? errors[0].message() : std::to_string(errors.size()) + " errors";
    };
    EXPECT_EQ(what({.ratio = 20}), "ratio = 20: must be a share between 0 and 1 (0.2 is 20 %)");
    EXPECT_EQ(what({.ratio = -0.1}), "ratio = -0.1: must be a share between 0 and 1 (0.2 is 20 %)");
    EXPECT_EQ(what({.ratio = std::numeric_limits<double>::quiet_NaN()}).substr(0, 11), "ratio = nan");
    EXPECT_EQ(what({.min_per_second = 1'000'001}), "min_per_second = 1000001: must be at most 1000000");
    EXPECT_EQ(what({.window = 999ms}), "window = 999ms: must be between 1s and 60s");
    EXPECT_EQ(what({.window = 61s}), "window = 61s: must be between 1s and 60s");
    EXPECT_THROW(retry_budget({.ratio = 2}), configuration_error);
}
