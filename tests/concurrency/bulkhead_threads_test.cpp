// Threads crowd a bulkhead, wait in its queue and give up at the worst moments. For the thread sanitizer.
#include <fusebox/bulkhead.hpp>
#include <fusebox/random.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

using namespace fusebox;

namespace {

// A thread that waits for its turn; dies as soon as it has claimed or left, as a driver's would.
struct blocked final : waiter {
    void granted() noexcept override { turn.release(); }
    std::binary_semaphore turn{0};
};

}  // namespace

TEST(bulkhead_threads, never_lets_too_many_in_and_loses_no_slot) {
    constexpr std::uint32_t most = 3;
    bulkhead b{{.max_concurrent = most, .queue = 4}};
    std::atomic<std::uint32_t> inside{0}, excess{0};
    std::atomic<std::uint64_t> admitted{0}, refused{0}, left{0}, lost_race{0};

    std::latch together{8};
    const auto caller = [&](std::uint64_t seed) {
        splitmix64 random{seed};
        together.arrive_and_wait();
        for (int i = 0; i < 4'000; ++i) {
            if (i % 64 == 0) {
                ASSERT_TRUE(b.set_limit(1 + std::uint32_t(random.next() % most)));
            }
            std::optional<bulkhead::permit> permit;
            blocked me;
            if (random.next() % 4 == 0) {
                auto answer = b.enter(time_point{});
                if (answer) permit.emplace(std::move(*answer));
            } else if (auto answer = b.enter(time_point{}, me); answer && *answer) {
                permit.emplace(std::move(**answer));
            } else if (answer) {
                const bool impatient = random.next() % 2 == 0;
                if (!impatient) me.turn.acquire();
                else if (random.next() % 8 == 0) std::this_thread::yield();
                if (impatient && b.leave(me)) {
                    ++left;
                    continue;
                }
                lost_race += impatient;
                permit.emplace(b.claim(me));
            }
            if (!permit) {
                ++refused;
                continue;
            }
            ++admitted;
            if (inside.fetch_add(1) >= most) ++excess;
            if (random.next() % 32 == 0) std::this_thread::yield();
            inside.fetch_sub(1);
        }
    };
    {
        std::vector<std::jthread> callers;
        for (std::uint64_t i = 0; i < 8; ++i) callers.emplace_back(caller, i);
    }
    const auto s = b.snapshot();
    EXPECT_EQ(excess, 0u);
    EXPECT_EQ(s.in_use, 0u);
    EXPECT_EQ(s.queued, 0u);
    EXPECT_LE(s.max_in_use, most);
    EXPECT_EQ(s.rejected, refused);
    EXPECT_EQ(s.gave_up, left);
    EXPECT_EQ(admitted + refused + left, 8u * 4'000u);
    EXPECT_GT(left + lost_race, 0u) << "nobody had to wait: the test has shown nothing";
}

// One who queues at the very moment at which the last slot comes free must not be left there: with all
// waiting for each other, this test would not end.
TEST(bulkhead_threads, nobody_is_left_in_the_queue_beside_a_free_slot) {
    bulkhead b{{.max_concurrent = 1, .queue = 2}};
    std::latch together{2};
    const auto caller = [&] {
        together.arrive_and_wait();
        for (int i = 0; i < 50'000; ++i) {
            blocked me;
            auto answer = b.enter(time_point{}, me);
            ASSERT_TRUE(answer);
            if (*answer) continue;
            me.turn.acquire();
            (void)b.claim(me);
        }
    };
    { std::jthread one{caller}, other{caller}; }
    EXPECT_EQ(b.snapshot().in_use, 0u);
    EXPECT_EQ(b.snapshot().queued, 0u);
}
