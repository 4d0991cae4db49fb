// The limiter, the throttler, chaos, the caches and single flight under threads. Worth most under the thread
// sanitizer.
#include <fusebox/adaptive_limiter.hpp>
#include <fusebox/cache.hpp>
#include <fusebox/chaos.hpp>
#include <fusebox/single_flight.hpp>
#include <fusebox/throttler.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace fusebox;
using namespace std::chrono_literals;

constexpr time_point start{1000s};
constexpr int thread_count = 4;

template <class Work>
void in_threads(Work work) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < thread_count; ++t) threads.emplace_back([&work, t] { work(t); });
}

}  // namespace

TEST(adaptive_limiter_threads, never_lets_in_more_than_the_limit_and_loses_no_place) {
    adaptive_limiter limiter{
        {.algorithm = gradient2_options{.initial_limit = 3, .minimum_limit = 3, .maximum_limit = 3},
         .window = 1ms,
         .minimum_calls = 1}};
    std::atomic<int> inside{0}, most{0};
    std::atomic<std::uint64_t> refused{0}, failed{0};
    in_threads([&](int t) {
        for (int i = 0; i < 20'000; ++i) {
            const time_point now = start + 1us * i;
            auto p = limiter.enter(now);
            if (!p) {
                ++refused;
                continue;
            }
            const int n = ++inside;
            for (int seen = most; seen < n && !most.compare_exchange_weak(seen, n);) {}
            --inside;
            if (i % 7 == t) continue;  // abandoned
            const bool fails = i % 11 == 0;
            failed += fails;
            p->settle(fails ? verdict::failure : verdict::success, now + 50us);
        }
    });
    const auto s = limiter.snapshot();
    EXPECT_EQ(s.in_flight, 0u);
    EXPECT_LE(most, 3);
    EXPECT_EQ(s.rejected, refused);
    EXPECT_EQ(s.drops, failed);
    EXPECT_GT(s.samples, 0u);
}

TEST(throttler_threads, counts_every_call_once) {
    throttler t{{.seed = 1}};
    std::atomic<std::uint64_t> good{0}, asked{0};
    in_threads([&](int which) {
        for (int i = 0; i < 10'000; ++i)
            if (auto p = t.enter(start)) {
                ++asked;
                good += which == 0;
                p->settle(which == 0 ? verdict::success : verdict::failure, start);
            }
    });
    const auto s = t.snapshot(start);
    EXPECT_EQ(s.requests, 40'000u);
    EXPECT_EQ(s.accepts, good);
    EXPECT_EQ(s.admitted, asked);
    EXPECT_GT(s.rejected, 0u);
}

TEST(chaos_threads, is_switched_while_calls_run) {
    chaos monkey;
    std::atomic<std::uint64_t> faults{0};
    std::atomic<bool> done{false};
    std::jthread operator_{[&] {
        for (int i = 0; i < 2000; ++i) {
            ASSERT_TRUE(monkey.apply({.fault_rate = i % 2 ? 1.0 : 0.5}, start));
            monkey.stop();
        }
        ASSERT_TRUE(monkey.apply({.fault_rate = 1}, start));
        done = true;
    }};
    in_threads([&](int) {
        for (bool last = false; !last;) {
            last = done;
            faults += monkey.enter(start)->permit.injected() == injection::fault;
        }
    });
    EXPECT_GE(faults, std::uint64_t{thread_count}) << "the last call of each thread, at least";
    EXPECT_EQ(monkey.snapshot(start).faults, faults);
}

TEST(cache_threads, every_look_is_a_hit_or_a_miss_and_the_bound_holds) {
    cache<int, std::string> c{{.capacity = 8, .ttl = 10s}};
    last_good<std::string> newest;
    in_threads([&](int t) {
        for (int i = 0; i < 5'000; ++i) {
            const int key = (i * 7 + t) % 16;
            const time_point now = start + 1ms * i;
            const auto found = c.find(key, now);
            EXPECT_EQ(found ? *found->value : std::to_string(key), std::to_string(key));
            if (!found) c.put(key, std::to_string(key), now);
            newest.remember(std::to_string(key), now);
            const auto last = newest.get(now);
            EXPECT_FALSE(last && last->value->empty());  // there may be none: another thread forgets now and then
            if (i % 100 == 0) c.erase(key);
            if (i % 1000 == 0) c.clear(), newest.forget(), newest.remember("x", now);
        }
    });
    const auto s = c.snapshot();
    EXPECT_EQ(s.hits + s.misses, 20'000u);
    EXPECT_LE(s.size, 8u);
}

TEST(single_flight_threads, every_caller_gets_an_outcome_that_was_made_while_it_waited) {
    single_flight<int, std::string> flights;
    std::atomic<int> flying{0}, made{0};
    in_threads([&](int) {
        for (int i = 0; i < 3'000; ++i) {
            const int before = made;
            const auto got = flights.run(i % 2, [&] {
                EXPECT_LE(++flying, 2) << "one for each key";
                std::this_thread::yield();
                --flying;
                return std::to_string(++made);
            });
            EXPECT_GT(std::stoi(got), before - thread_count);
        }
    });
    EXPECT_EQ(flights.snapshot().in_flight, 0u);
    EXPECT_EQ(flights.snapshot().led + flights.snapshot().followed, 12'000u);
    EXPECT_EQ(std::uint64_t(made), flights.snapshot().led);
}

TEST(single_flight_threads, failures_are_shared_and_thrown_in_every_thread) {
    single_flight<int, int> flights;
    std::atomic<int> caught{0};
    in_threads([&](int) {
        for (int i = 0; i < 1'000; ++i) try {
                (void)flights.run(1, []() -> int {
                    std::this_thread::yield();
                    throw std::runtime_error{"io"};
                });
            } catch (const std::runtime_error&) {
                ++caught;
            }
    });
    EXPECT_EQ(caught, 4'000);
}

// Leaders land, are dropped, followers give up: all at the same time, and nobody waits for ever.
TEST(single_flight_threads, giving_up_races_with_landing) {
    single_flight<int, std::string> flights;
    std::atomic<int> answered{0}, gave_up{0};
    in_threads([&](int t) {
        for (int i = 0; i < 3'000; ++i) {
            std::stop_source stop;
            if (t == 0 && i % 3 == 0) stop.request_stop();
            const auto deadline = t == 1 ? steady_now() + 1us * (i % 20) : time_point::max();
            const auto r = flights.run(
                0,
                [] {
                    std::this_thread::yield();
                    return std::string(100, 'x');
                },
                stop.get_token(), deadline);
            if (r) answered += r->size() == 100;
            else gave_up += r.error().code == errc::timed_out || r.error().code == errc::cancelled;
        }
    });
    EXPECT_EQ(answered + gave_up, 12'000);
    EXPECT_EQ(flights.snapshot().in_flight, 0u);
}

namespace {
struct bell final : waiter {
    std::atomic<bool> rung{false};
    void granted() noexcept override { rung.store(true, std::memory_order_release); }
};
}  // namespace

TEST(single_flight_threads, dropped_leaders_hand_over) {
    single_flight<int, int> flights;
    std::atomic<int> led{0};
    in_threads([&](int t) {
        for (int i = 0; i < 2'000;) {
            auto me = std::make_unique<bell>();  // freed at once after leaving: the sanitizer sees a late granted()
            auto ticket = flights.join(0, *me);
            if (ticket.leads()) {
                ++led;
                if ((i + t) % 2) ticket.finish(i);
                ++i;
                continue;  // else dropped
            }
            for (int tries = 0; tries < 50 && !me->rung.load(std::memory_order_acquire); ++tries)
                std::this_thread::yield();
            const bool too_late = me->rung.load(std::memory_order_acquire) || !ticket.leave();
            if (too_late) (void)ticket.result();
            EXPECT_TRUE(!too_late || me->rung.load(std::memory_order_acquire));
            ++i;
        }
    });
    EXPECT_GT(led, 0);
    EXPECT_EQ(flights.snapshot().in_flight, 0u);
}
