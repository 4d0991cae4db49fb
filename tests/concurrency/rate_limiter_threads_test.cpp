// 64 threads at a token bucket, on a clock that stands still and jumps. For the thread sanitizer too.
#include <fusebox/random.hpp>
#include <fusebox/rate_limiter.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <thread>
#include <vector>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

// When calls began, over all threads, in order. Some are given up before.
template <class Limiter>
std::vector<time_point> crowd(Limiter& limiter) {
    constexpr unsigned threads = 64;
    fusebox::testing::manual_clock clock{1h};
    std::vector<std::vector<time_point>> began(threads);
    std::latch together{threads};
    {
        std::vector<std::jthread> callers;
        for (unsigned i = 0; i < threads; ++i)
            callers.emplace_back([&, i] {
                splitmix64 random{i};
                together.arrive_and_wait();
                for (int call = 0; call < 1000; ++call) {
                    const time_point now = clock.now();
                    // Mostly the clock stands still; sometimes it creeps; now and then the bucket fills up.
                    if (random.next() % 16 == 0) clock.advance(random.next() % 64 == 0 ? 50ms : 50us);
                    if (random.next() % 64 == 0) std::this_thread::yield();  // and `now` grows old
                    auto answer = limiter.enter(now);
                    if (!answer) continue;
                    if (answer->start_at > now && random.next() % 2 == 0) continue;
                    answer->permit.settle(verdict::success, answer->start_at);
                    began[i].push_back(answer->start_at);
                }
            });
    }
    std::vector<time_point> all;
    for (const auto& one : began) all.insert(all.end(), one.begin(), one.end());
    std::ranges::sort(all);
    return all;
}

// The first window that holds more than burst + rate * t calls, if any; 1 ms a token.
void expect_at_most(std::uint32_t burst, const std::vector<time_point>& began) {
    ASSERT_GT(began.size(), 1000u);
    std::size_t too_many = 0;
    for (std::size_t i = 0; i < began.size(); ++i)
        for (std::size_t j = i + burst; j < began.size() && j < i + 2000; ++j)
            if (began[j] - began[i] < 1ms * (j - i + 1 - burst)) ++too_many;
    EXPECT_EQ(too_many, 0u);
}

}  // namespace

TEST(rate_limiter_threads, a_token_bucket_never_lets_more_through_than_its_burst_and_rate) {
    token_bucket b{{.rate = 1000, .burst = 20}};
    expect_at_most(20, crowd(b));
}

TEST(rate_limiter_threads, nor_when_calls_wait_and_give_up) {
    token_bucket b{{.rate = 1000, .burst = 20, .max_wait = 30ms}};
    expect_at_most(20, crowd(b));
}

TEST(rate_limiter_threads, a_fixed_window_counts_every_call_once) {
    fixed_window w{{.limit = 20, .window = 10ms, .max_wait = 30ms}};
    const auto began = crowd(w);
    ASSERT_GT(began.size(), 1000u);
    for (std::size_t i = 20; i < began.size(); ++i)
        ASSERT_NE(began[i].time_since_epoch() / 10ms, began[i - 20].time_since_epoch() / 10ms);
}
