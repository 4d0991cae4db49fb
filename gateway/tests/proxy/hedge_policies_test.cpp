// A hedge among the other policies of its route: losers are neutral, paid for, and leave nothing behind.
#include "hedging.hpp"

namespace fusebox::gateway {

TEST_F(hedging, a_loser_is_neutral_for_breaker_and_endpoint) {
    auto r = raced();
    send(*r.second, ok);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(totals().successes, 1u);
    EXPECT_EQ(totals().failures, 0u);
    EXPECT_EQ(totals().ignored, 1u);
    EXPECT_EQ(totals_of(r.first_is).failures + totals_of(r.first_is).successes, 0u);
    EXPECT_EQ(totals_of(1 - r.first_is).successes, 1u);
    EXPECT_EQ(totals_of(0).in_flight + totals_of(1).in_flight, 0u);
}

TEST_F(hedging, a_late_success_of_a_loser_counts_nothing) {
    auto r = raced();
    send(*r.second, fine);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    (void)::send(r.first->fd, ok.data(), ok.size(), MSG_NOSIGNAL);
    settle();
    EXPECT_EQ(rest(*r.client), "");
    EXPECT_EQ(totals().successes, 1u);
    EXPECT_EQ(totals().ignored, 1u);
    EXPECT_EQ(totals().late_results, 0u);
    EXPECT_EQ(totals_of(r.first_is).successes, 0u);
    send(*r.client, get);
    peer& o = *asked().second;
    EXPECT_NE(head(o), "") << "the loser's connection is not used again";
    send(o, fine);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
}

TEST_F(hedging, the_retry_budget_pays_for_it) {
    route().retry = retry_configuration{.budget = retry_budget_options{.ratio = 0, .min_per_second = 1, .window = 1s}};
    auto r = raced();
    send(*r.second, fine);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    const auto [c, o] = asked_once(get);
    EXPECT_FALSE(is_hedged_after(100ms)) << "the budget is empty";
    EXPECT_EQ(plan_->routes()[0]->hedged->snapshot().suppressed, 1u);
    send(*o, unavailable);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 503")) << "for retries, too; but the first try is always made";
    EXPECT_TRUE(nobody_is_asked());
}

TEST_F(hedging, without_retries_it_has_a_budget_of_its_own) {
    int hedged = 0;
    for (int i = 0; i < 40; ++i) {
        peer& c = client();
        send(c, get);
        const auto [which, o] = asked();
        EXPECT_NE(head(*o), "");
        send(*o, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        if (!nobody_is_asked()) {
            const auto [other, second] = asked();
            EXPECT_NE(head(*second), "");
            send(*second, fine);
            close(*second);
            ++hedged;
        }
        EXPECT_NE(head(c), "");
        close(*o);
        close(c);
        if (breaker().state() != circuit_state::closed) breaker().reset();
    }
    EXPECT_GT(hedged, 20) << "three a second, over ten seconds";
    EXPECT_LT(hedged, 40);
}

TEST_F(hedging, a_race_that_is_lost_by_all_may_be_retried) {
    route().retry = retry_configuration{};
    route().retry->options.max_attempts = 2;
    auto r = raced();
    send(*r.first, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    send(*r.second, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(rest(*r.client), "");
    pass(2s);
    const auto [which, o] = asked();
    EXPECT_NE(head(*o), "");
    send(*o, ok);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(counts().tries.load(), 3u);
}

TEST_F(hedging, a_trial_of_the_breaker_is_not_hedged) {
    route().circuit_breaker->options = {
        .consecutive_failures = 1, .open_for = 20s, .open_jitter = 0, .half_open_calls = 3, .half_open_concurrency = 3};
    route().hedge->delay = 5s;
    {
        const auto [c, o] = asked_once(get);
        send(*o, failing);
        EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 500"));
    }
    pass(20s);
    route().timeout.per_try = 3s;
    const auto [c, o] = asked_once(get);
    EXPECT_EQ(breaker().state(), circuit_state::half_open);
    EXPECT_FALSE(is_hedged_after(2900ms));
    send(*o, ok);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(breaker().state(), circuit_state::half_open) << "one of three";
}

TEST_F(hedging, an_open_breaker_refuses_it_and_the_first_try_goes_on) {
    const auto [c, o] = asked_once(get);
    breaker().force_open();
    EXPECT_FALSE(is_hedged_after(100ms));
    EXPECT_EQ(totals().rejected, 1u);
    send(*o, ok);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
}

TEST_F(hedging, each_try_takes_a_place_in_the_bulkhead_and_a_loser_gives_it_back) {
    route().bulkhead = bulkhead_options{.max_concurrent = 2};
    for (int i = 0; i < 2; ++i) {
        auto r = raced();
        EXPECT_THAT(refused(get), HasSubstr("error=connection_limit_reached"));
        send(*r.second, fine);
        EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
        close(*r.second);
        close(*r.first);
    }
}

TEST_F(hedging, a_full_bulkhead_refuses_it_and_the_first_try_goes_on) {
    route().bulkhead = bulkhead_options{.max_concurrent = 1};
    const auto [c, o] = asked_once(get);
    EXPECT_FALSE(is_hedged_after(1s));
    send(*o, ok);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
}

TEST_F(hedging, a_try_that_waits_in_the_bulkheads_queue_leaves_it_when_it_has_lost) {
    route().bulkhead = bulkhead_options{.max_concurrent = 1, .queue = 1, .queue_wait = 10s};
    const auto [c, o] = asked_once(get);
    EXPECT_FALSE(is_hedged_after(100ms));
    send(*o, fine);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
    EXPECT_TRUE(nobody_is_asked());
    (void)round(get, fine);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
}

TEST_F(hedging, each_try_has_its_own_time) {
    route().timeout.per_try = 300ms;
    auto r = raced();
    pass(200ms);
    EXPECT_TRUE(ends(*r.first));
    EXPECT_EQ(totals().failures, 1u) << "too slow, and no loser";
    EXPECT_EQ(rest(*r.client), "");
    pass(96ms);
    EXPECT_EQ(rest(*r.client), "");
    pass(4ms);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 504"));
    EXPECT_EQ(totals().failures, 2u);
}

TEST_F(hedging, the_total_time_ends_all_tries) {
    route().timeout.total = 240ms;
    auto r = raced();
    pass(140ms);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 504"));
    EXPECT_TRUE(ends(*r.first));
    EXPECT_TRUE(ends(*r.second));
    EXPECT_EQ(totals().failures, 2u);
    EXPECT_TRUE(nobody_is_asked());
}

TEST_F(hedging, a_client_that_goes_ends_both_and_blames_nobody) {
    auto r = raced();
    cut(*r.client);
    EXPECT_TRUE(ends(*r.first));
    EXPECT_TRUE(ends(*r.second));
    EXPECT_EQ(totals().successes + totals().failures, 0u);
    EXPECT_EQ(totals().ignored, 2u);
    EXPECT_EQ(totals_of(0).in_flight + totals_of(1).in_flight, 0u);
    EXPECT_EQ(counts().responses[0].load(), 1u);
}

TEST_F(hedging, with_a_breaker_for_each_endpoint_each_try_asks_its_own) {
    auto& b = *route().circuit_breaker;
    b.scope.per = breaker_scope::kind::endpoint;
    b.options = {.consecutive_failures = 1, .open_for = 20s, .open_jitter = 0, .half_open_calls = 1};
    auto r = raced();
    send(*r.first, failing);
    send(*r.second, fine);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    plan_->upstreams()[0]->breakers->for_each([&](const auto& each) {
        const bool is_first = each->name() == name_of(r.first_is);
        EXPECT_EQ(each->state(), is_first ? circuit_state::open : circuit_state::closed);
    });
    (void)asked_once(get);
    pass(100ms);
    EXPECT_FALSE(is_asked(listener_of(r.first_is))) << "it is open";
    EXPECT_TRUE(is_asked(listener_of(1 - r.first_is))) << "so the same is asked twice";
}

TEST_F(hedging, a_fallback_comes_after_all_of_the_race) {
    add_spare();
    route().fallback = fallback_configuration{.upstream = "spare"};
    auto r = raced();
    send(*r.first, unavailable);
    send(*r.second, unavailable);
    peer& s = spare();
    EXPECT_NE(head(s), "");
    send(s, ok);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    EXPECT_TRUE(ends(*r.second));
}

}  // namespace fusebox::gateway
