#include <fusebox/single_flight.hpp>

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

using flights = single_flight<std::string, int>;

struct bell final : waiter {
    int rung = 0;
    void granted() noexcept override { ++rung; }
};

// Until `n` calls have joined another's flight. They come for sure, so this needs no time limit.
void await_followers(const auto& f, std::uint64_t n) {
    while (f.snapshot().followed < n) std::this_thread::yield();
}

}  // namespace

TEST(single_flight, the_first_leads_and_the_others_get_its_value) {
    flights f;
    bell b1, b2, b3;
    auto leader = f.join("a", b1);
    auto second = f.join("a", b2), third = f.join("a", b3);
    EXPECT_TRUE(leader.leads());
    EXPECT_FALSE(second.leads());
    EXPECT_EQ(f.snapshot().in_flight, 1u);
    leader.finish(7);
    EXPECT_EQ(b1.rung, 0);
    EXPECT_EQ(b2.rung, 1);
    EXPECT_EQ(*second.result(), 7);
    EXPECT_EQ(*third.result(), 7);
    EXPECT_EQ(f.snapshot().in_flight, 0u);
    EXPECT_EQ(f.snapshot().led, 1u);
    EXPECT_EQ(f.snapshot().followed, 2u);
}

TEST(single_flight, a_failure_is_shared_too) {
    flights f;
    bell b1, b2;
    auto leader = f.join("a", b1);
    auto follower = f.join("a", b2);
    leader.fail(std::make_exception_ptr(std::runtime_error{"io"}));
    EXPECT_EQ(b2.rung, 1);
    EXPECT_THROW((void)follower.result(), std::runtime_error);
}

TEST(single_flight, keys_fly_apart_and_nothing_is_kept) {
    flights f;
    bell b;
    auto a = f.join("a", b);
    auto other = f.join("b", b);
    EXPECT_TRUE(other.leads());
    a.finish(1);
    EXPECT_TRUE(f.join("a", b).leads()) << "the outcome is not cached";
    other.finish(2);
    EXPECT_EQ(f.snapshot().in_flight, 0u);
}

TEST(single_flight, who_leaves_is_not_woken_and_the_leader_flies_on) {
    flights f;
    bell b1, b2, b3;
    auto leader = f.join("a", b1);
    auto second = f.join("a", b2);
    EXPECT_TRUE(second.leave());
    { auto dropped = f.join("a", b3); }
    leader.finish(7);
    EXPECT_EQ(b2.rung + b3.rung, 0);
}

TEST(single_flight, who_leaves_too_late_has_the_outcome) {
    flights f;
    bell b1, b2;
    auto leader = f.join("a", b1);
    auto follower = f.join("a", b2);
    leader.finish(7);
    EXPECT_FALSE(follower.leave());
    EXPECT_EQ(*follower.result(), 7);
}

TEST(single_flight, when_a_leader_is_dropped_another_leads) {
    flights f;
    bell b1, b2, b3;
    auto leader = std::make_unique<flights::ticket>(f.join("a", b1));
    auto second = f.join("a", b2), third = f.join("a", b3);
    leader.reset();
    EXPECT_EQ(b2.rung + b3.rung, 2);
    EXPECT_EQ(second.result(), nullptr);
    EXPECT_EQ(third.result(), nullptr);
    auto next = f.join("a", b2);
    EXPECT_TRUE(next.leads());
    EXPECT_FALSE(f.join("a", b3).leads());
}

TEST(single_flight, a_value_that_cannot_be_copied_for_the_followers_fails_for_them) {
    struct fragile {
        fragile() = default;
        fragile(const fragile&) { throw std::runtime_error{"cannot be copied"}; }
        fragile(fragile&&) = default;
    };
    single_flight<int, fragile> f;
    bell b1, b2;
    auto leader = f.join(1, b1);
    auto follower = f.join(1, b2);
    leader.finish(fragile{});
    EXPECT_THROW((void)follower.result(), std::runtime_error);
    EXPECT_NO_THROW((void)f.run(1, [] { return fragile{}; })) << "without followers nothing is copied";
}

TEST(single_flight, a_lone_call_is_just_a_call) {
    flights f;
    EXPECT_EQ(f.run("a", [] { return 3; }), 3);
    EXPECT_THROW((void)f.run("a", []() -> int { throw std::runtime_error{"io"}; }), std::runtime_error);
    EXPECT_EQ(f.run("a", [] { return 4; }, {}), 4);
    EXPECT_EQ(f.snapshot().led, 3u);
    EXPECT_EQ(f.snapshot().in_flight, 0u);
}

TEST(single_flight, threads_that_call_together_call_once) {
    flights f;
    std::latch landed{1};
    std::atomic<int> calls{0}, sum{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                sum += f.run("a", [&] {
                    landed.wait();
                    return ++calls;
                });
            });
        await_followers(f, 3);
        landed.count_down();
    }
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(sum, 4);
}

TEST(single_flight, an_exception_reaches_every_thread) {
    flights f;
    std::latch landed{1};
    std::atomic<int> caught{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                try {
                    (void)f.run("a", [&]() -> int {
                        landed.wait();
                        throw 5;
                    });
                } catch (int e) {
                    caught += e;
                }
            });
        await_followers(f, 3);
        landed.count_down();
    }
    EXPECT_EQ(caught, 20);
}

TEST(single_flight, a_waiter_may_give_up_without_cancelling_the_leader) {
    flights f;
    std::latch landed{1};
    std::atomic<int> leaders{0};
    std::jthread leader{[&] {
        leaders = f.run("a", [&] {
            landed.wait();
            return 7;
        });
    }};
    while (f.snapshot().led < 1) std::this_thread::yield();

    const auto fly = [] { return 8; };
    EXPECT_EQ(f.run("a", fly, {}, steady_now() - 1s).error(), rejection{errc::timed_out});
    std::stop_source stop;
    std::jthread impatient{[&] { EXPECT_EQ(f.run("a", fly, stop.get_token()).error(), rejection{errc::cancelled}); }};
    await_followers(f, 2);
    stop.request_stop();
    impatient.join();
    landed.count_down();
    leader.join();
    EXPECT_EQ(leaders, 7);
    EXPECT_EQ(f.snapshot().led, 1u);
}

TEST(single_flight, errors_of_the_operations_own_type_are_values_and_shared_as_such) {
    single_flight<int, std::expected<int, std::string>> f;
    const auto down = []() -> std::expected<int, std::string> { return std::unexpected("down"); };
    EXPECT_EQ(f.run(1, down).error(), "down");
    const std::expected<int, call_error<std::string>> r = f.run(1, down, {});
    EXPECT_EQ(*r.error().error(), "down");
}

TEST(single_flight, a_leader_that_is_stopped_or_too_late_before_it_begins_calls_nothing) {
    flights f;
    int calls = 0;
    const auto fly = [&] { return ++calls; };
    std::stop_source stop;
    stop.request_stop();
    const auto cancelled = f.run("a", fly, stop.get_token());
    EXPECT_EQ(cancelled.error().code, errc::cancelled);
    EXPECT_FALSE(cancelled.error().was_made());
    const auto late = f.run("a", fly, {}, steady_now() - 1s);
    EXPECT_EQ(late.error().code, errc::timed_out);
    EXPECT_FALSE(late.error().was_made());
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(f.snapshot().led, 0u);
    EXPECT_EQ(f.snapshot().in_flight, 0u);
    EXPECT_EQ(f.run("a", fly, {}), 1);
}

TEST(single_flight, the_error_of_a_leader_that_was_stopped_is_its_own) {
    single_flight<std::string, std::expected<int, std::string>> f;
    std::stop_source stop;
    std::jthread leader{[&] {
        const auto aborted = [&]() -> std::expected<int, std::string> {
            while (f.snapshot().followed < 1) std::this_thread::yield();
            stop.request_stop();
            return std::unexpected("aborted");
        };
        EXPECT_EQ(*f.run("a", aborted, stop.get_token()).error().error(), "aborted");
    }};
    while (f.snapshot().led < 1) std::this_thread::yield();
    EXPECT_EQ(f.run("a", []() -> std::expected<int, std::string> { return 2; }), 2);
}
