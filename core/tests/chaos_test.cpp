#include <fusebox/chaos.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/testing/manual_runtime.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {

constexpr time_point start{};

struct tally {
    int faults = 0, results = 0, late = 0, late_faults = 0;
};

tally call(chaos& monkey, int times, time_point now = start) {
    tally t;
    for (int i = 0; i < times; ++i) {
        auto c = monkey.enter(now).value();
        const bool fault = c.permit.injected() == injection::fault, late = c.start_at > now;
        t.faults += fault;
        t.results += c.permit.injected() == injection::result;
        t.late += late;
        t.late_faults += fault && late;
        c.permit.settle(verdict::success, now);
    }
    return t;
}

// One letter a call: f fault, r result, capital when late.
std::string story(std::uint64_t seed, double fault_rate = 0.3) {
    chaos monkey{{.fault_rate = fault_rate, .result_rate = 0.2, .latency_rate = 0.2, .latency = 1s, .seed = seed},
                 start};
    std::string s;
    for (int i = 0; i < 100; ++i) {
        const auto c = monkey.enter(start).value();
        const bool late = c.start_at > start;
        s += (late ? "-FR" : ".fr")[static_cast<int>(c.permit.injected())];
    }
    return s;
}

std::vector<std::string> refused(const chaos_options& o) {
    std::vector<std::string> names;
    for (const auto& e : o.validate()) names.push_back(e.option);
    return names;
}

}  // namespace

TEST(chaos, is_off_until_it_is_applied) {
    chaos monkey;
    EXPECT_EQ(call(monkey, 1000).faults, 0);
    EXPECT_FALSE(monkey.snapshot(start).active);
}

TEST(chaos, three_calls_in_ten_fail_by_default) {
    chaos monkey{{.seed = 1}, start};
    // Binomial, n = 10 000, p = 0.3: sigma is 45.8; four of them either way.
    EXPECT_NEAR(call(monkey, 10'000).faults, 3000, 183);
    EXPECT_STREQ(injected_fault{}.what(), "Chaos monkey strike!");
}

TEST(chaos, each_rate_is_kept_and_latency_is_independent_of_the_outcome) {
    chaos monkey{{.fault_rate = 0.2, .result_rate = 0.1, .latency_rate = 0.5, .latency = 80ms, .seed = 2}, start};
    const tally t = call(monkey, 10'000);
    EXPECT_NEAR(t.faults, 2000, 160);       // sigma 40
    EXPECT_NEAR(t.results, 1000, 120);      // sigma 30
    EXPECT_NEAR(t.late, 5000, 200);         // sigma 50
    EXPECT_NEAR(t.late_faults, 1000, 120);  // 0.2 * 0.5
    const auto s = monkey.snapshot(start);
    EXPECT_EQ(s.faults, std::uint64_t(t.faults));
    EXPECT_EQ(s.results, std::uint64_t(t.results));
    EXPECT_EQ(s.delayed, std::uint64_t(t.late));
}

TEST(chaos, rates_of_zero_and_one_are_certain) {
    chaos none{{.fault_rate = 0, .seed = 3}, start};
    EXPECT_EQ(call(none, 1000).faults, 0);
    chaos all{{.fault_rate = 0, .result_rate = 1, .latency_rate = 1, .latency = 1s, .seed = 3}, start};
    const tally t = call(all, 1000);
    EXPECT_EQ(t.results, 1000);
    EXPECT_EQ(t.late, 1000);
}

TEST(chaos, a_late_call_starts_later_by_the_latency) {
    chaos monkey{{.fault_rate = 0, .latency_rate = 1, .latency = 250ms}, start};
    EXPECT_EQ(monkey.enter(start + 1s)->start_at, start + 1250ms);
    EXPECT_EQ(monkey.enter(start + 1s)->permit.injected(), injection::nothing);
}

TEST(chaos, one_seed_hits_the_same_calls) {
    EXPECT_EQ(story(5), story(5));
    EXPECT_NE(story(5), story(6));
    const auto late = [](std::string s) {
        for (char& c : s) c = c == '-' || c == 'F' || c == 'R' ? 'L' : '.';
        return s;
    };
    EXPECT_EQ(late(story(5, 0.0)), late(story(5, 0.8))) << "another rate of faults delays the same calls";
}

TEST(chaos, ends_by_itself) {
    chaos monkey{{.fault_rate = 1, .expires_after = 10s}, start};
    EXPECT_EQ(monkey.snapshot(start + 4s).remaining, 6s);
    EXPECT_EQ(call(monkey, 1, start + 9999ms).faults, 1);
    EXPECT_FALSE(monkey.snapshot(start + 10s).active);
    EXPECT_EQ(call(monkey, 1, start + 10s).faults, 0);
    EXPECT_EQ(call(monkey, 1, start + 9s).faults, 0) << "what has ended stays ended";
    EXPECT_EQ(monkey.snapshot(start + 10s).faults, 1u);

    chaos endless{{.fault_rate = 1, .expires_after = duration::max()}, start + 1s};
    EXPECT_EQ(endless.snapshot(start + 1s).remaining, duration::max());
    EXPECT_EQ(call(endless, 1, start + 24h * 36500).faults, 1);
}

TEST(chaos, is_switched_while_it_runs) {
    chaos monkey{{.fault_rate = 1, .expires_after = 10s}, start};
    monkey.stop();
    EXPECT_EQ(call(monkey, 10).faults, 0);
    ASSERT_TRUE(monkey.apply({.fault_rate = 1, .expires_after = 10s}, start + 1min));
    EXPECT_EQ(call(monkey, 10, start + 69s).faults, 10);
    ASSERT_TRUE(monkey.apply({.enabled = false, .fault_rate = 1}, start + 69s));
    EXPECT_EQ(call(monkey, 10, start + 69s).faults, 0);
    EXPECT_FALSE(monkey.options().enabled);
}

TEST(chaos, refused_options_change_nothing) {
    chaos monkey{{.fault_rate = 1}, start};
    const auto applied = monkey.apply({.fault_rate = 1.5}, start);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error()[0].message(), "fault_rate = 1.5: must be a share between 0 and 1 (0.3 is 30 %)");
    EXPECT_EQ(call(monkey, 10).faults, 10);
}

TEST(chaos, refuses_options_that_cannot_be_meant) {
    EXPECT_THAT(refused({}), IsEmpty());
    EXPECT_THAT(refused({.fault_rate = 0.6, .result_rate = 0.5}), ElementsAre("result_rate"));
    EXPECT_THAT(refused({.fault_rate = -0.1, .latency_rate = 2}), ElementsAre("fault_rate", "latency_rate", "latency"));
    EXPECT_THAT(refused({.latency_rate = 0.1}), ElementsAre("latency"));
    EXPECT_THAT(refused({.latency = -1s, .expires_after = 0s}), ElementsAre("latency", "expires_after"));
    EXPECT_THROW((chaos{{.fault_rate = 2}, start}), configuration_error);
}

TEST(chaos, a_latency_beyond_the_timeout_is_a_call_that_timed_out) {
    fusebox::testing::manual_runtime runtime;
    circuit_breaker breaker{"b", {.consecutive_failures = 2}, runtime.clock()};
    chaos monkey{{.fault_rate = 0, .latency_rate = 1, .latency = 5s}, runtime.time.now()};
    pipeline calls{breaker, timeout{3s}, monkey};
    calls.use(runtime);

    int made = 0;
    for (int i = 0; i < 2; ++i) EXPECT_EQ(calls.call([&] { return ++made; }).error().code, errc::timed_out);
    EXPECT_THAT(runtime.waits, ElementsAre(3s, 3s));
    EXPECT_EQ(made, 0);
    EXPECT_EQ(breaker.state(), circuit_state::open);
    EXPECT_EQ(breaker.snapshot().totals.failures, 2u);
}
