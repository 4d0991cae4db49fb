// The budget and the latency quantile under threads. Worth most under the thread sanitizer.
#include <fusebox/detail/latency_quantile.hpp>
#include <fusebox/retry_budget.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace fusebox;
using namespace std::chrono_literals;

constexpr time_point start{1000s};

template <class Work>
void in_threads(Work work) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back(work);
}

}  // namespace

TEST(retry_budget_threads, gives_out_exactly_what_it_has) {
    retry_budget budget({.ratio = 0, .min_per_second = 1000, .window = 1s});
    std::atomic<int> granted{0};
    in_threads([&] {
        while (auto place = budget.try_reserve(start)) {
            place->spend(start);
            granted.fetch_add(1);
        }
    });
    EXPECT_EQ(granted.load(), 1000);
    EXPECT_EQ(budget.snapshot(start).spent, 1000u);
    EXPECT_EQ(budget.snapshot(start).total_refused, 4u);
}

TEST(retry_budget_threads, loses_no_call_while_the_buckets_turn) {
    retry_budget budget({.ratio = 0.5, .min_per_second = 0, .window = 60s});
    std::atomic<std::int64_t> clock{0};
    in_threads([&] {
        for (int i = 0; i < 20'000; ++i)
            budget.note_call(start + 1ms * (clock.fetch_add(1) / 2));  // 40 s, seven buckets
    });
    EXPECT_EQ(budget.snapshot(start + 40s).calls, 80'000u);
}

TEST(retry_budget_threads, never_has_more_out_than_it_allows) {
    retry_budget budget({.ratio = 0, .min_per_second = 3, .window = 1s});
    std::atomic<int> out{0}, most{0};
    in_threads([&] {
        for (int i = 0; i < 5'000; ++i) {
            budget.note_call(start);
            auto place = budget.try_reserve(start);
            if (!place) continue;
            const int now_out = out.fetch_add(1) + 1;
            for (int seen = most.load(); seen < now_out && !most.compare_exchange_weak(seen, now_out);) {}
            out.fetch_sub(1);
        }  // dropped: as a cancelled sleep
    });
    EXPECT_GE(most.load(), 1);
    EXPECT_LE(most.load(), 3);
    EXPECT_EQ(budget.snapshot(start),
              (retry_budget_snapshot{20'000, 0, 0, 3, 0, budget.snapshot(start).total_refused}));
}

TEST(latency_quantile_threads, stays_whole_while_all_note) {
    detail::latency_quantile q(0.5, 1);
    in_threads([&] {
        for (int i = 0; i < 20'000; ++i) {
            q.note(1ms * (1 + i % 100));
            const auto e = *q.estimate();
            EXPECT_TRUE(e > 1ms && e < 107ms);
        }
    });
    for (std::uint32_t i = 0; i < detail::latency_quantile::window; ++i) q.note(5ms);
    EXPECT_EQ(q.estimate(), detail::latency_quantile::end_of(detail::latency_quantile::bucket_of(5ms)));
}
