// Which endpoint is chosen: by weight, by load, by latency, by hash, and never where no traffic may go.
#include "endpoints/balancer.hpp"
#include "text/stable_hash.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;
using namespace std::chrono_literals;

constexpr time_point start{1000s};
constexpr balancing all_algorithms[] = {balancing::round_robin, balancing::least_request, balancing::peak_ewma,
                                        balancing::ring_hash,   balancing::maglev,        balancing::random};

upstream_options with(balancing algorithm) {
    upstream_options o;
    o.balance.algorithm = algorithm;
    return o;
}

std::vector<endpoint_spec> specs(const std::vector<std::uint32_t>& weights) {
    std::vector<endpoint_spec> out;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const std::string id(1, char('a' + i));
        out.push_back({id, "10.0.0." + id, weights[i]});
    }
    return out;
}

struct pool {
    upstream of;
    balancer by;
    pool(const upstream_options& options, const std::vector<std::uint32_t>& weights)
        : of("orders", options, 1), by(of, 0, 42) {
        if (!of.assign(specs(weights), start)) throw std::logic_error("refused");
    }
};

double chi_square(const std::map<std::string, int>& drawn, const std::vector<std::uint32_t>& weights, int draws) {
    double total = 0, sum = 0;
    for (const auto w : weights) total += w;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double expected = draws * weights[i] / total;
        const auto seen = drawn.find(std::string(1, char('a' + i)));
        const double off = (seen == drawn.end() ? 0 : seen->second) - expected;
        sum += off * off / expected;
    }
    return sum;
}

std::map<std::string, int> draw(balancer& b, int times, duration each = 0ns) {
    std::map<std::string, int> drawn;
    time_point now = start;
    for (int i = 0; i < times; ++i) {
        auto chosen = b.pick({.hash = mix(static_cast<std::uint64_t>(i))}, now);
        ++drawn[chosen->target().id()];
        now += each;
        chosen->settle(verdict::success, now);
    }
    return drawn;
}

TEST(balancer, draws_by_weight_when_nothing_else_speaks) {
    const std::vector<std::uint32_t> weights{1, 2, 3, 4};
    for (const auto algorithm : {balancing::random, balancing::least_request}) {
        pool p(with(algorithm), weights);
        EXPECT_LT(chi_square(draw(p.by, 50'000), weights, 50'000), 16.27) << to_string(algorithm);  // p = 0.001
    }
    pool exact(with(balancing::round_robin), weights);
    EXPECT_EQ(chi_square(draw(exact.by, 50'000), weights, 50'000), 0);
}

TEST(balancer, goes_round_from_a_place_of_each_workers_own) {
    upstream u("orders", with(balancing::round_robin), 2);
    ASSERT_TRUE(u.assign(specs(std::vector<std::uint32_t>(26, 1)), start));
    balancer first(u, 0, 1), second(u, 1, 2);
    const std::string a = first.pick({}, start)->target().id(), b = second.pick({}, start)->target().id();
    EXPECT_NE(a, b);
    EXPECT_EQ(first.pick({}, start)->target().id(), a == "z" ? "a" : std::string(1, char(a[0] + 1)));
}

TEST(balancer, by_least_request_prefers_who_has_less_to_do_for_its_weight) {
    pool p(with(balancing::least_request), {1, 1});
    auto busy = p.by.pick({.bound_to = "a"}, start);
    // Both are drawn nearly always, and then b is the better.
    const auto drawn = draw(p.by, 1000);
    EXPECT_GT(drawn.at("b"), 700);

    pool weighted(with(balancing::least_request), {1, 3});
    std::vector<balancer::lease> held;
    std::map<std::string, int> open;
    for (int i = 0; i < 400; ++i) {
        auto chosen = weighted.by.pick({}, start);
        held.push_back(*std::move(chosen));
        ++open[held.back().target().id()];
    }
    EXPECT_NEAR(open["a"], 100, 12);
}

TEST(balancer, by_peak_ewma_avoids_who_is_slow_and_forgives_with_time) {
    auto options = with(balancing::peak_ewma);
    options.balance.ewma_decay = 10s;
    pool p(options, {1, 1});
    const auto call = [&](const char* id, duration latency, verdict how, time_point at) {
        p.by.pick({.bound_to = id}, at)->settle(how, at + latency);
    };
    call("a", 100ms, verdict::success, start);
    call("b", 10ms, verdict::success, start);
    const auto share_of_a = [&](time_point at) {
        int a = 0;
        for (int i = 0; i < 400; ++i) {
            auto chosen = p.by.pick({}, at);
            a += chosen->target().id() == "a";
        }
        return a / 400.0;
    };
    EXPECT_LT(share_of_a(start + 1s), 0.3);  // only when it is drawn twice
    for (int s = 1; s < 40; ++s) call("b", 10ms, verdict::success, start + s * 1s);
    EXPECT_GT(share_of_a(start + 40s), 0.7);  // 100 ms have faded to below 10
}

TEST(balancer, by_peak_ewma_does_not_take_a_fast_failure_for_a_fast_endpoint) {
    pool p(with(balancing::peak_ewma), {1, 1});
    for (const char* id : {"a", "b"}) p.by.pick({.bound_to = id}, start)->settle(verdict::success, start + 50ms);
    for (int i = 0; i < 4; ++i) p.by.pick({.bound_to = "a"}, start + 50ms)->settle(verdict::failure, start + 51ms);
    int a = 0;
    for (int i = 0; i < 400; ++i) a += p.by.pick({}, start + 51ms)->target().id() == "a";
    EXPECT_NEAR(a, 200, 60);
}

TEST(balancer, by_peak_ewma_gives_an_unknown_endpoint_one_call_to_find_out) {
    pool p(with(balancing::peak_ewma), {1, 1});
    p.by.pick({.bound_to = "a"}, start)->settle(verdict::success, start + 50ms);
    auto first = p.by.pick({.bound_to = "b"}, start + 50ms);  // b is unknown, and busy
    int b = 0;
    for (int i = 0; i < 400; ++i) b += p.by.pick({}, start + 60ms)->target().id() == "b";
    EXPECT_LT(b, 200);
}

TEST(balancer, by_hash_stays_with_an_endpoint_and_moves_only_the_keys_of_one_that_fails) {
    for (const auto algorithm : {balancing::ring_hash, balancing::maglev}) {
        pool p(with(algorithm), {1, 1, 1, 1, 1});
        const auto owners = [&] {
            std::vector<std::string> out;
            for (std::uint64_t k = 0; k < 2000; ++k) out.push_back(p.by.pick({.hash = mix(k)}, start)->target().id());
            return out;
        };
        const auto before = owners();
        EXPECT_EQ(owners(), before);
        p.of.set_admin("c", admin_state::maintenance, start);
        const auto during = owners();
        std::map<std::string, int> heirs;
        for (std::size_t k = 0; k < before.size(); ++k) {
            if (before[k] == "c") {
                ++heirs[during[k]];
                continue;
            }
            ASSERT_EQ(during[k], before[k]);
        }
        EXPECT_EQ(heirs.size(), 4u) << to_string(algorithm);  // and they are spread
        p.of.set_admin("c", admin_state::automatic, start);
        EXPECT_EQ(owners(), before);
    }
}

TEST(balancer, by_hash_gives_a_starting_endpoint_its_share_of_its_keys_and_always_the_same) {
    auto options = with(balancing::ring_hash);
    options.verdict.slow_start = 100s;
    pool p(options, {1, 1});
    const auto keys_of_a = [&](time_point now) {
        std::vector<std::uint64_t> keys;
        for (std::uint64_t k = 0; k < 4000; ++k)
            if (p.by.pick({.hash = mix(k)}, now)->target().id() == "a") keys.push_back(k);
        return keys;
    };
    const auto whole = keys_of_a(start);
    p.of.set_admin("a", admin_state::maintenance, start);
    p.of.set_admin("a", admin_state::automatic, start);
    p.of.refresh(start + 30s);
    const auto third = keys_of_a(start + 30s);
    EXPECT_NEAR(double(third.size()) / double(whole.size()), 0.3, 0.05);
    p.of.refresh(start + 60s);
    EXPECT_TRUE(std::ranges::includes(keys_of_a(start + 60s), third));
}

TEST(balancer, keeps_a_starting_endpoint_to_its_share) {
    for (const auto algorithm : {balancing::random, balancing::round_robin, balancing::least_request}) {
        auto options = with(algorithm);
        options.verdict.slow_start = 100s;
        pool p(options, {1, 1});
        p.of.set_admin("a", admin_state::maintenance, start);
        p.of.set_admin("a", admin_state::automatic, start);
        p.of.refresh(start + 25s);
        EXPECT_NEAR(draw(p.by, 10'000)["a"], 2000, 150) << to_string(algorithm);  // 0.25 of 1.25
    }
}

TEST(balancer, prefers_endpoints_that_the_request_has_not_tried) {
    for (const auto algorithm : all_algorithms) {
        pool p(with(algorithm), {9, 1, 1});
        for (std::uint64_t k = 0; k < 300; ++k) {
            std::vector<const endpoint*> tried;
            std::vector<std::string> ids;
            for (int i = 0; i < 4; ++i) {
                auto chosen = p.by.pick({.hash = mix(k), .tried = tried}, start);
                ASSERT_TRUE(chosen);
                tried.push_back(&chosen->target());
                ids.push_back(chosen->target().id());
            }
            std::ranges::sort(ids.begin(), ids.begin() + 3);
            ASSERT_EQ((std::vector<std::string>{ids.begin(), ids.begin() + 3}),
                      (std::vector<std::string>{"a", "b", "c"}))
                << to_string(algorithm);
        }
    }
}

// Random verdicts, random requests: nobody is chosen who may not be.
RC_GTEST_PROP(balancer, never_picks_an_endpoint_without_traffic, ()) {
    auto options =
        with(*rc::gen::elementOf(std::vector<balancing>(std::begin(all_algorithms), std::end(all_algorithms))));
    options.verdict.slow_start = *rc::gen::elementOf(std::vector<duration>{0s, 10s});
    options.verdict.panic = *rc::gen::elementOf(std::vector{panic_mode::refuse, panic_mode::route_all});
    options.check.enabled = *rc::gen::arbitrary<bool>();
    options.balance.maglev_size = 251;
    const auto n = *rc::gen::inRange<std::size_t>(1, 9);
    pool p(options, *rc::gen::container<std::vector<std::uint32_t>>(n, rc::gen::inRange<std::uint32_t>(1, 20)));
    time_point now = start;
    std::vector<balancer::lease> open;
    for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1000))) {
        const std::string id(1, char('a' + std::size_t(step) / 10 % n));
        now += std::chrono::milliseconds{step};
        switch (step % 10) {
            case 0: p.of.set_admin(id, static_cast<admin_state>(step / 100 % 4), now); break;
            case 1: p.of.record_check(id, step / 100 % 2 != 0, now, now); break;
            case 2: p.of.set_breaker(id, static_cast<circuit_state>(step / 100 % 6), now + 1s, now); break;
            case 3: p.of.refresh(now); break;
            case 4: open.clear(); break;
            default: break;
        }
        std::map<std::string, judgement> verdicts;
        for (const auto& e : p.of.snapshot()) verdicts[e.id] = e.now;
        const bool bound = step % 7 == 0;
        auto chosen = p.by.pick({.hash = mix(static_cast<std::uint64_t>(step)), .bound_to = bound ? id : ""}, now);
        const bool somebody = std::ranges::any_of(verdicts, [](auto& v) { return v.second.traffic == traffic::full; });
        RC_ASSERT(chosen || !somebody);
        if (!chosen) continue;
        const judgement j = verdicts[chosen->target().id()];
        RC_ASSERT(j.traffic != traffic::none);
        RC_ASSERT((j.traffic == traffic::trial) == chosen->is_trial());
        RC_ASSERT(j.traffic != traffic::existing || (bound && chosen->target().id() == id));
        if (step % 3 == 0) open.push_back(*std::move(chosen));
        else chosen->settle(static_cast<verdict>(step % 2), now);
    }
}

}  // namespace
