// Workers pick and settle while others change the set, the verdicts and the options. For the thread sanitizer, and
// for counts that must come out right all the same.
#include "endpoints/balancer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;
using namespace std::chrono_literals;

constexpr time_point start{1000s};
constexpr unsigned workers = 3;
constexpr int calls = 6000;

std::vector<endpoint_spec> specs(int n) {
    std::vector<endpoint_spec> out;
    for (int i = 0; i < n; ++i) out.push_back({"e" + std::to_string(i), "10.0.0." + std::to_string(i), 1});
    return out;
}

struct done_by_a_worker {
    std::uint64_t successes = 0, failures = 0, ignored = 0;
};

done_by_a_worker work(balancer& b, std::uint64_t seed, std::atomic<std::int64_t>& time) {
    done_by_a_worker done;
    splitmix64 random(seed);
    std::vector<balancer::lease> open;
    for (int i = 0; i < calls; ++i) {
        const time_point now = start + duration{time.fetch_add(1'000'000, std::memory_order_relaxed)};
        auto chosen = b.pick({.hash = random.next()}, now);
        if (!chosen) continue;
        const auto dice = random.next() % 8;
        if (dice == 0) {
            ++done.ignored;  // abandoned
        } else if (dice == 1) {
            open.push_back(*std::move(chosen));
            ++done.successes;
        } else {
            const bool fails = chosen->target().id() == "e0" && dice < 7;
            chosen->settle(fails ? verdict::failure : verdict::success, now);
            ++(fails ? done.failures : done.successes);
        }
        if (open.size() == 16) {
            for (auto& l : open) l.settle(verdict::success, now);
            open.clear();
        }
    }
    for (auto& l : open) l.settle(verdict::success, start);
    return done;
}

class shared_endpoints : public ::testing::TestWithParam<balancing> {};

TEST_P(shared_endpoints, count_every_call_while_everything_changes) {
    upstream_options options;
    options.balance.algorithm = GetParam();
    options.balance.maglev_size = 251;
    options.ejection = {.consecutive_failures = 3, .base = 100ms, .cap = 1s};
    options.verdict.slow_start = 500ms;
    std::atomic<std::uint64_t> heard{0};
    upstream u("orders", options, workers, [&](const verdict_change&) { ++heard; });
    ASSERT_TRUE(u.assign(specs(6), start));

    std::atomic<std::int64_t> time{0};
    std::atomic<bool> stop{false};
    std::array<done_by_a_worker, workers> done;
    std::vector<std::thread> threads;
    for (unsigned w = 0; w < workers; ++w)
        threads.emplace_back([&, w] {
            balancer mine(u, w, w);
            done[w] = work(mine, w, time);
        });
    std::thread changer([&] {
        for (int i = 0; !stop; ++i) {
            const time_point now = start + duration{time.load()};
            u.refresh(now);
            u.set_admin("e1", static_cast<admin_state>(i % 4), now);
            u.set_breaker("e2", static_cast<circuit_state>(i % 3), now, now);
            if (i % 3 == 0) (void)u.assign(specs(5 + i % 2), now);  // e5 comes and goes
            if (u.snapshot().empty()) break;
            std::this_thread::yield();
        }
    });
    for (auto& t : threads) t.join();
    stop = true;
    changer.join();

    ASSERT_TRUE(u.assign(specs(6), start + 1h));
    done_by_a_worker expected;
    for (const auto& d : done) {
        expected.successes += d.successes;
        expected.failures += d.failures;
        expected.ignored += d.ignored;
    }
    endpoint_totals sum;
    for (const auto& e : u.snapshot()) {
        sum.successes += e.totals.successes;
        sum.failures += e.totals.failures;
        sum.ignored += e.totals.ignored;
        sum.in_flight += e.totals.in_flight;
    }
    EXPECT_EQ(sum.successes, expected.successes);
    EXPECT_EQ(sum.failures, expected.failures);
    EXPECT_EQ(sum.ignored, expected.ignored);
    EXPECT_EQ(sum.in_flight, 0u);
    EXPECT_GT(expected.failures, 0u);
    EXPECT_GT(heard, 6u);
}

INSTANTIATE_TEST_SUITE_P(algorithms, shared_endpoints,
                         ::testing::Values(balancing::round_robin, balancing::least_request, balancing::peak_ewma,
                                           balancing::ring_hash, balancing::maglev),
                         [](const auto& parameter) { return std::string(to_string(parameter.param)); });

}  // namespace
