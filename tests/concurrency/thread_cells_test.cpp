// What threads have counted outlives them, and what it costs to sum it up does not grow with how many they were.
#include <fusebox/circuit_breaker.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

namespace fusebox {
namespace {

void all_at_once(int threads, auto work) {
    std::latch together{threads};
    std::vector<std::jthread> running;
    for (int i = 0; i < threads; ++i)
        running.emplace_back([&] {
            work();
            together.arrive_and_wait();
        });
}

TEST(thread_cells, a_sum_visits_the_threads_that_run_and_no_former_ones) {
    detail::thread_cells cells;
    all_at_once(200, [&] { cells.local()->add_success(1); });
    const auto visited = [&] { return cells.sum<int>([](int& n, const auto&) { ++n; }); };
    EXPECT_LE(visited(), 2);  // this thread, and all that have ended
    const auto counted = cells.sum<std::uint64_t>([](auto& n, const auto& c) { n += c.successes_in(1); });
    EXPECT_EQ(counted, 200u);
    all_at_once(100, [&] { cells.local()->add_success(1); });
    EXPECT_LE(visited(), 2);
}

TEST(thread_cells, former_threads_successes_count_for_their_generation_only) {
    detail::thread_cells cells;
    const auto in = [&](std::uint64_t generation) {
        return cells.sum<std::uint64_t>([&](auto& n, const auto& c) { n += c.successes_in(generation); });
    };
    for (const std::uint64_t generation : {1, 3, 2, 3, 1})
        std::jthread([&] {
            cells.local()->add_success(generation);
            cells.local()->add_success(generation);
            cells.local()->add_rejection();
        }).join();
    EXPECT_EQ(in(3), 4u);
    EXPECT_EQ(in(2), 0u);
    const auto totals = cells.sum<std::uint64_t>([](auto& n, const auto& c) { n += c.successes + c.rejections; });
    EXPECT_EQ(totals, 15u);
}

TEST(thread_cells, nothing_is_lost_or_counted_twice_while_threads_come_and_go) {
    circuit_breaker b{"b"};
    std::atomic<bool> stop{false};
    std::jthread reader([&] {
        for (std::uint64_t seen = 0; !stop;) {
            const auto now = b.snapshot().totals.successes;
            EXPECT_GE(now, seen);
            EXPECT_LE(now, 3000u);
            seen = now;
        }
    });
    for (int i = 0; i < 100; ++i)
        all_at_once(3, [&] {
            for (int k = 0; k < 10; ++k) b.try_acquire()->settle(verdict::success);
        });
    stop = true;
    reader.join();
    EXPECT_EQ(b.snapshot().totals.successes, 3000u);
    EXPECT_EQ(b.snapshot().window.calls, 3000u);
}

TEST(thread_cells, a_breakers_cells_are_empty_for_the_next_breaker) {
    for (int i = 0; i < 3; ++i) {
        circuit_breaker b{"b"};
        EXPECT_EQ(b.snapshot().totals.successes, 0u);
        std::jthread([&] { b.try_acquire()->settle(verdict::success); }).join();
        b.try_acquire()->settle(verdict::success);
        EXPECT_EQ(b.snapshot().totals.successes, 2u);
    }
}

}  // namespace
}  // namespace fusebox
