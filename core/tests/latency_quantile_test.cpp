#include <fusebox/detail/latency_quantile.hpp>
#include <fusebox/random.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

using namespace fusebox;
using namespace fusebox::detail;
using namespace std::chrono_literals;

TEST(latency_quantile, buckets_follow_each_other_without_a_gap) {
    for (std::uint32_t b = 0; b < 463; ++b) {
        const duration end = latency_quantile::end_of(b);
        EXPECT_EQ(latency_quantile::bucket_of(end - 1ns), b);
        EXPECT_EQ(latency_quantile::bucket_of(end), b + 1);
    }
    EXPECT_EQ(latency_quantile::bucket_of(duration::max()), 463u);
    EXPECT_EQ(latency_quantile::bucket_of(-1s), 0u);
}

TEST(latency_quantile, buckets_are_a_sixteenth_wide_at_most) {
    for (std::uint32_t b = 16; b < 464; ++b) {
        const duration from = latency_quantile::end_of(b - 1);
        EXPECT_LE((latency_quantile::end_of(b) - from) * 16, from) << b;
    }
}

TEST(latency_quantile, knows_nothing_before_the_minimum) {
    latency_quantile q(0.95, 20);
    for (int i = 0; i < 19; ++i) q.note(10ms);
    EXPECT_FALSE(q.estimate());
    q.note(10ms);
    ASSERT_TRUE(q.estimate());
    EXPECT_GT(*q.estimate(), 10ms);
    EXPECT_LE(*q.estimate(), 10625us);
}

TEST(latency_quantile, is_the_rank_that_the_hand_counts) {
    // 19 fast ones and a slow one: the 19th of 20 is fast, the 20th slow.
    for (const auto& [quantile, slow] : {std::pair{0.5, false}, {0.95, false}, {0.951, true}, {0.999, true}}) {
        latency_quantile q(quantile, 20);
        q.note(1s);
        for (int i = 0; i < 19; ++i) q.note(1ms);
        EXPECT_EQ(*q.estimate() > 100ms, slow) << quantile;
    }
}

TEST(latency_quantile, forgets_all_but_the_last_1024) {
    latency_quantile q(0.5, 1);
    for (int i = 0; i < 1024; ++i) q.note(1s);
    for (int i = 0; i < 511; ++i) q.note(1ms);
    EXPECT_GT(*q.estimate(), 1s);
    q.note(1ms);
    EXPECT_LT(*q.estimate(), 2ms);
}

TEST(latency_quantile, stays_within_its_error_on_any_stream) {
    for (const double quantile : {0.5, 0.9, 0.95, 0.99, 0.999}) {
        latency_quantile q(quantile, 1);
        std::deque<duration> last;
        splitmix64 random(42);
        for (int i = 0; i < 6000; ++i) {
            // Spread over nine decades, and shifting every thousand.
            const double decade = 2.0 * random.unit() + i / 1000;
            const duration latency{static_cast<std::int64_t>(std::pow(10.0, 3.0 + decade))};
            q.note(latency);
            last.push_back(latency);
            if (last.size() > 1024) last.pop_front();
            if (i % 61 != 0) continue;

            std::vector<duration> sorted(last.begin(), last.end());
            std::ranges::sort(sorted);
            const auto rank = static_cast<std::size_t>(std::ceil(quantile * double(sorted.size()) - 1e-9));
            const duration exact = sorted[rank - 1];
            ASSERT_GT(*q.estimate(), exact) << "sample " << i;
            ASSERT_LE(*q.estimate(), exact + std::max<duration>(exact / 16 + 1ns, 1024ns)) << "sample " << i;
        }
    }
}
