// Who may be called, and by whom, while subscriptions end and events come from several threads.
#include <fusebox/circuit_breaker_registry.hpp>
#include <fusebox/circuit_hierarchy.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace fusebox {
namespace {

using namespace std::chrono_literals;

// A listener that says when it runs, and stays until it is let go.
struct gate {
    std::promise<void> entered{}, let_go{};
    std::atomic<bool> returned{false};
    void pass() {
        entered.set_value();
        let_go.get_future().wait();
        returned = true;
    }
};

// Two endings at the same time: `cancel`, which must wait, and the listener's, which it waits for.
template <class Cancel>
void expect_to_wait(gate& g, std::jthread& teller, Cancel cancel) {
    g.entered.get_future().wait();
    std::promise<void> begun;
    std::jthread ender([&] {
        begun.set_value();
        cancel();
        EXPECT_TRUE(g.returned);
    });
    begun.get_future().wait();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    g.let_go.set_value();
    ender.join();
    teller.join();
}

TEST(subscription_threads, ending_waits_for_the_listener_that_runs_in_another_thread) {
    circuit_breaker b{"b"};
    gate g;
    auto s = b.subscribe([&](const circuit_event&) { g.pass(); });
    std::jthread teller([&] { b.force_open(); });
    expect_to_wait(g, teller, [&] { s.cancel(); });
}

TEST(subscription_threads, a_registrys_subscription_waits_too_while_the_listener_asks_the_registry) {
    circuit_breaker_registry all;
    gate g;
    auto s = all.subscribe([&](const circuit_event&) {
        g.pass();
        (void)all.get("another");
    });
    std::jthread teller([&, b = all.get("b")] { b->force_open(); });
    expect_to_wait(g, teller, [&] { s.cancel(); });
}

TEST(subscription_threads, what_a_listener_uses_may_go_with_its_subscription) {
    circuit_breaker b{"b"};
    std::atomic<bool> stop{false};
    std::jthread teller([&] {
        while (!stop) {
            b.force_open();
            b.reset();
        }
    });
    for (int i = 0; i < 30; ++i) {
        auto heard = std::make_unique<int>(0);
        const auto s = b.subscribe([&](const circuit_event&) { ++*heard; });
        std::this_thread::yield();
    }
    stop = true;
}

TEST(subscription_threads, no_caller_tells_for_ever_what_others_make) {
    circuit_breaker b{"b"};
    constexpr int threads = 3;
    std::latch together{threads};
    std::atomic<int> captives{0};
    std::atomic<long> told{0};
    std::atomic<bool> stop{false};
    const auto s = b.subscribe(
        [&](const circuit_event&) {
            ++told;
            std::this_thread::yield();
        },
        call_events);
    std::vector<std::jthread> callers;
    for (int t = 0; t < threads; ++t)
        callers.emplace_back([&] {
            together.arrive_and_wait();
            const auto call = [&] { b.try_acquire()->settle(verdict::success); };
            for (int i = 0; i < 200; ++i) {
                call();
                ++captives;
            }
            // Goes on making events until all have come through.
            while (captives < threads * 200 && !stop) call();
        });
    callers.clear();
    EXPECT_GT(told, 0);
    EXPECT_EQ(captives, threads * 200);
}

TEST(subscription_threads, whoever_tells_others_events_hands_on_to_the_next_who_makes_some) {
    circuit_breaker b{"b"};
    std::promise<void> first_returned;
    auto returned = first_returned.get_future().share();
    std::jthread other;
    std::thread::id first_teller;
    std::atomic<bool> others_turn{false};
    const auto s = b.subscribe([&](const circuit_event&) {
        if (first_teller == std::thread::id{}) first_teller = std::this_thread::get_id();
        if (std::this_thread::get_id() != first_teller) {
            others_turn = true;
            return;
        }
        // Each event that is told makes the next one, until somebody else comes for it.
        b.force_open();
        b.reset();
        if (!other.joinable())
            other = std::jthread([&] {
                while (!others_turn) b.force_open(), b.reset();
            });
    });
    b.force_open();
    other.join();
    EXPECT_TRUE(others_turn);
}

TEST(subscription_threads, a_parent_opens_with_its_child_whatever_the_childs_listeners_do) {
    const auto top = std::make_shared<circuit_breaker>("top");
    const auto below = std::make_shared<circuit_breaker>("below", circuit_breaker_options{.consecutive_failures = 1});
    std::optional<circuit_state> seen;
    const auto slow = below->subscribe([&](const circuit_event&) {
        if (!seen) seen = top->state();
    });
    const circuit_node child{below, {}, std::make_shared<circuit_node>(top)};
    below->try_acquire()->settle(verdict::failure);
    EXPECT_EQ(seen, circuit_state::open);
}

TEST(subscription_threads, a_parent_opens_while_another_thread_is_telling_of_the_child) {
    const auto top = std::make_shared<circuit_breaker>("top");
    const auto below = std::make_shared<circuit_breaker>("below", circuit_breaker_options{.consecutive_failures = 1});
    const circuit_node child{below, {}, std::make_shared<circuit_node>(top)};
    gate g;
    const auto slow =
        below->subscribe([&](const circuit_event&) { g.pass(); }, event_mask(event_kind::circuit_disabled));
    std::jthread teller([&] { below->disable(); });
    g.entered.get_future().wait();
    below->reset();
    below->try_acquire()->settle(verdict::failure);
    EXPECT_EQ(top->state(), circuit_state::open);
    g.let_go.set_value();
}

}  // namespace
}  // namespace fusebox
