#include <fusebox/throttler.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

namespace {

constexpr time_point start{};

void settle(throttler& t, verdict v, time_point now, int times = 1) {
    for (int i = 0; i < times;)
        if (auto p = t.enter(now)) p->settle(v, now), ++i;
}

}  // namespace

// "Site Reliability Engineering", chapter 21, equation 21-1, worked out by hand.
TEST(throttler, refuses_with_the_probability_of_the_formula) {
    struct row {
        std::uint64_t requests, accepts;
        double multiplier, probability;
    };
    const row table[] = {
        {0, 0, 2, 0},            // nothing known
        {100, 100, 2, 0},        // all accepted
        {100, 50, 2, 0},         // requests = K accepts: the edge
        {100, 49, 2, 2 / 101.},  // (100 - 98) / 101
        {100, 25, 2, 50 / 101.},
        {99, 0, 2, 0.99},  // never quite 1: the service keeps being asked
        {1, 0, 2, 0.5},
        {100, 90, 1.1, 1 / 101.},  // (100 - 99) / 101: a lower K holds back sooner
        {100, 100, 1, 0},
    };
    for (const row& r : table)
        EXPECT_NEAR(throttling_probability(r.requests, r.accepts, r.multiplier), r.probability, 1e-12)
            << r.requests << " requests, " << r.accepts << " accepts, K = " << r.multiplier;
}

TEST(throttler, lets_everything_through_while_half_is_accepted) {
    throttler t{{.seed = 1}};
    for (int i = 0; i < 1000; ++i) {
        settle(t, verdict::success, start);
        settle(t, verdict::failure, start);
    }
    EXPECT_EQ(t.snapshot(start).rejected, 0u);
    EXPECT_EQ(t.snapshot(start).requests, 2000u);
    EXPECT_EQ(t.snapshot(start).accepts, 1000u);
}

TEST(throttler, a_service_that_refuses_everything_is_asked_ever_less) {
    throttler t{{.seed = 7}};
    int asked = 0;
    for (int i = 0; i < 1000; ++i)
        if (auto p = t.enter(start)) p->settle(verdict::failure, start), ++asked;
    // The expected number is the sum of 1 / (n + 1) for n = 0 to 999, 7.49, its variance below that.
    EXPECT_GE(asked, 2);
    EXPECT_LE(asked, 16);
    const auto s = t.snapshot(start);
    EXPECT_EQ(s.requests, 1000u) << "those refused here are requests too";
    EXPECT_EQ(s.accepts, 0u);
    EXPECT_EQ(s.admitted + s.rejected, 1000u);
}

TEST(throttler, settles_at_twice_what_the_service_accepts) {
    throttler t{{.seed = 11}};
    time_point now = start;
    int sent = 0, late_sent = 0;
    // 100 attempts a second for five minutes; the service accepts 10 of them a second.
    for (int second = 0; second < 300; ++second, now += 1s) {
        int accepted = 0;
        for (int i = 0; i < 100; ++i)
            if (auto p = t.enter(now)) {
                ++sent;
                late_sent += second >= 240;
                p->settle(accepted++ < 10 ? verdict::success : verdict::failure, now);
            }
    }
    EXPECT_LT(sent, 100 * 300 / 4);
    EXPECT_NEAR(late_sent / 60., 20, 2) << "K = 2";
}

TEST(throttler, forgets_after_its_window) {
    throttler t{{.seed = 3}};
    settle(t, verdict::failure, start, 5);
    EXPECT_GT(t.snapshot(start + 115s).probability, 0.8);
    EXPECT_EQ(t.snapshot(start + 120s).requests, 0u);
    EXPECT_EQ(t.snapshot(start + 120s).probability, 0);
    EXPECT_GT(t.snapshot(start).probability, 0.8) << "looking changes nothing";
    EXPECT_TRUE(t.enter(start + 120s));
}

TEST(throttler, calls_under_way_do_not_look_refused) {
    throttler t{{.seed = 5}};
    std::vector<throttler::permit> under_way;
    for (int i = 0; i < 500; ++i) under_way.push_back(t.enter(start).value());
    for (auto& p : under_way) p.settle(verdict::success, start + 1s);
    EXPECT_EQ(t.snapshot(start + 1s).requests, 500u);
    EXPECT_EQ(t.snapshot(start + 1s).accepts, 500u);
}

TEST(throttler, ignored_abandoned_and_settled_calls_count_nothing_more) {
    throttler t;
    (void)t.enter(start);
    settle(t, verdict::ignored, start);
    auto p = t.enter(start).value();
    auto moved = std::move(p);
    p.settle(verdict::failure, start);
    moved.settle(verdict::success, start);
    moved.settle(verdict::failure, start);
    EXPECT_EQ(t.snapshot(start).requests, 1u);
    EXPECT_EQ(t.snapshot(start).accepts, 1u);
}

TEST(throttler, one_seed_refuses_the_same_calls) {
    const auto refusals = [](std::uint64_t seed) {
        throttler t{{.seed = seed}};
        std::string seen;
        for (int i = 0; i < 64; ++i) {
            auto p = t.enter(start);
            seen += p ? '.' : 'x';
            if (p) p->settle(verdict::failure, start);
            if (i % 4 == 0) settle(t, verdict::success, start);
        }
        return seen;
    };
    EXPECT_EQ(refusals(1), refusals(1));
    EXPECT_NE(refusals(1), refusals(2));
}

TEST(throttler, refuses_options_that_cannot_be_meant) {
    EXPECT_TRUE(throttler_options{}.validate().empty());
    std::vector<std::string> names;
    const throttler_options bad{.multiplier = 0.9, .window = {.buckets = 0, .width = 1ms}};
    for (const auto& e : bad.validate()) names.push_back(e.option);
    EXPECT_THAT(names, ElementsAre("multiplier", "window.buckets", "window.width"));
    EXPECT_THROW(throttler{bad}, configuration_error);
}

TEST(throttler, a_few_failures_of_a_service_that_is_seldom_called_refuse_nobody) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        throttler t{{.seed = seed}};
        time_point now = start;
        int refused = 0;
        for (int call = 0; call < 100; ++call, now += 5s) {
            auto p = t.enter(now);
            if (p) p->settle(call < 2 ? verdict::failure : verdict::success, now);
            else ++refused;
        }
        EXPECT_EQ(refused, 0) << seed;
    }
}

TEST(throttler, refuses_from_the_minimum_of_requests_on) {
    throttler t{{.minimum_requests = 3, .seed = 1}};
    for (int i = 0; i < 2; ++i) t.enter(start)->settle(verdict::failure, start);
    EXPECT_EQ(t.snapshot(start).probability, 0);
    t.enter(start)->settle(verdict::failure, start);
    EXPECT_EQ(t.snapshot(start).probability, 0.75);
    EXPECT_EQ((throttler_options{.minimum_requests = 1'000'001}.validate().front().option), "minimum_requests");
}
