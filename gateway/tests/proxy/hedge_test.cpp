// A second try beside a slow first one: when it is sent, and who wins.
#include "hedging.hpp"

namespace fusebox::gateway {

TEST_F(hedging, after_the_delay_another_endpoint_is_asked_and_the_first_success_wins) {
    auto r = raced();
    EXPECT_THAT(r.second_head, StartsWith("GET / "));
    EXPECT_EQ(counts().tries.load(), 2u);
    send(*r.second, ok);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(body(*r.client, 2), "ok");
    EXPECT_TRUE(ends(*r.first)) << "a loser's connection is closed at once";
    EXPECT_EQ(counts().incidents[std::size_t(incident::hedge_lost)].load(), 1u);
}

TEST_F(hedging, the_first_try_may_win_yet) {
    auto r = raced();
    send(*r.first, ok);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    EXPECT_TRUE(ends(*r.second));
    EXPECT_EQ(plan_->routes()[0]->hedged->snapshot().won, 0u);
}

TEST_F(hedging, an_answer_in_time_is_the_only_one) {
    const auto [c, o] = asked_once(get);
    pass(96ms);
    send(*o, ok);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
    EXPECT_FALSE(is_hedged_after(1s));
}

TEST_F(hedging, a_failure_sends_the_next_at_once) {
    const auto [c, o] = asked_once(get);
    send(*o, unavailable);
    const auto [which, second] = asked();
    EXPECT_NE(head(*second), "");
    EXPECT_EQ(rest(*c), "") << "the client hears nothing of it";
    send(*second, ok);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(totals().failures, 1u) << "a failure is no loser";
    EXPECT_EQ(totals().successes, 1u);
}

TEST_F(hedging, a_connection_that_is_refused_sends_the_next_at_once) {
    ::close(std::exchange(origin_, -1));
    const int left = 1;
    for (int i = 0; i < 2; ++i) {
        peer& c = client();
        send(c, get);
        peer& o = accepted(listener_of(left));
        EXPECT_NE(head(o), "");
        send(o, fine);
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
        close(o);
    }
}

TEST_F(hedging, when_all_fail_the_last_failure_is_the_answer) {
    auto r = raced();
    send(*r.second, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(rest(*r.client), "") << "the first may do better";
    send(*r.first, unavailable);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 503"));
    EXPECT_EQ(body(*r.client, 4), "busy");
    EXPECT_EQ(totals().failures, 2u);
}

TEST_F(hedging, a_failure_that_no_other_try_would_mend_sends_none_but_waits_for_those_that_run) {
    auto r = raced();
    send(*r.first, broken);
    EXPECT_EQ(rest(*r.client), "");
    send(*r.second, ok);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    const auto [c, o] = asked_once(get);
    send(*o, broken);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 500"));
    EXPECT_FALSE(is_hedged_after(1s));
}

TEST_F(hedging, an_answer_that_is_no_failure_ends_the_race) {
    auto r = raced();
    send(*r.second, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 404"));
    EXPECT_TRUE(ends(*r.first));
}

TEST_F(hedging, so_many_tries_are_sent_as_max_attempts_says) {
    route().hedge->max_attempts = 3;
    auto r = raced();
    pass(100ms);
    const auto [which, third] = asked();
    EXPECT_NE(head(*third), "");
    EXPECT_FALSE(is_hedged_after(1s));
    send(*third, ok);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
    EXPECT_TRUE(ends(*r.first));
    EXPECT_TRUE(ends(*r.second));
}

TEST_F(hedging, where_there_is_but_one_endpoint_it_is_asked_again) {
    configured.upstreams[0].endpoints.pop_back();
    const auto [c, o] = asked_once(get);
    pass(100ms);
    peer& again = origin();
    EXPECT_NE(head(again), "");
    send(again, ok);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
}

TEST_F(hedging, the_delay_may_be_a_quantile_of_what_was_seen) {
    route().hedge = hedge_options{.quantile = 0.5, .minimum_samples = 1};
    {
        const auto [c, o] = asked_once(get);
        EXPECT_FALSE(is_hedged_after(200ms)) << "nothing was seen yet";
        send(*o, fine);
        EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
        close(*o);
    }
    (void)asked_once(get);
    EXPECT_FALSE(is_hedged_after(196ms));
    EXPECT_TRUE(is_hedged_after(20ms)) << "which is at most 6.25 % too high";
}

TEST_F(hedging, each_try_is_a_span_of_its_own_in_one_trace) {
    const auto r = raced();
    const auto span = [](const std::string& head) { return head.substr(head.find("traceparent: ") + 13, 55); };
    EXPECT_EQ(span(r.first_head).substr(0, 35), span(r.second_head).substr(0, 35));
    EXPECT_NE(span(r.first_head).substr(36, 16), span(r.second_head).substr(36, 16));
    const auto without = [&](const std::string& head) {
        return std::string{head}.replace(head.find("traceparent: "), 68, "");
    };
    EXPECT_EQ(without(r.first_head), without(r.second_head)) << "the rest is the same";
}

// -- What may be sent twice --------------------------------------------------------------------------

TEST_F(hedging, what_is_not_idempotent_is_sent_once) {
    const auto [c, o] = asked_once("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_FALSE(is_hedged_after(1s));
    send(*o, ok);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
}

TEST_F(hedging, a_body_that_was_kept_is_sent_again) {
    auto r = raced("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    EXPECT_EQ(body(*r.first, 4), "body");
    EXPECT_EQ(body(*r.second, 4), "body");
    send(*r.second, ok);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
}

TEST_F(hedging, a_body_beyond_the_buffer_is_sent_once) {
    route().body_buffer = 3;
    (void)asked_once("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    EXPECT_FALSE(is_hedged_after(1s));
}

TEST_F(hedging, the_delay_begins_when_the_client_has_sent_all) {
    const auto [c, o] = asked_once("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    EXPECT_FALSE(is_hedged_after(1s));
    send(*c, "dy");
    EXPECT_FALSE(is_hedged_after(96ms));
    EXPECT_TRUE(is_hedged_after(4ms));
}

TEST_F(hedging, once_the_client_has_a_part_of_a_response_nothing_is_sent_beside_it) {
    const auto [c, o] = asked_once(get);
    send(*o, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 200"));
    EXPECT_FALSE(is_hedged_after(1s));
    send(*o, "lf");
    EXPECT_EQ(body(*c, 4), "half");
}

TEST_F(hedging, nor_after_an_interim_response) {
    const auto [c, o] = asked_once(get);
    send(*o, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 103"));
    EXPECT_FALSE(is_hedged_after(1s));
    send(*o, unavailable);
    EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 503")) << "nor for a failure";
    EXPECT_TRUE(nobody_is_asked());
}

TEST_F(hedging, of_two_that_race_no_interim_response_goes_on) {
    auto r = raced();
    send(*r.first, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    send(*r.second, ok);
    EXPECT_THAT(head(*r.client), StartsWith("HTTP/1.1 200"));
}

// -- What it tells -----------------------------------------------------------------------------------

TEST_F(hedging, the_answer_and_the_counts_tell_of_the_winner) {
    auto r = raced();
    send(*r.second, ok);
    EXPECT_THAT(head(*r.client), HasSubstr("Proxy-Status: fusebox; details=\"attempt 2 of 2 answered\"\r\n"));
    EXPECT_THAT(metrics(), HasSubstr("fusebox_hedges_total{route=\"all\",result=\"launched\"} 1\n"));
    EXPECT_THAT(metrics(), HasSubstr("fusebox_hedges_total{route=\"all\",result=\"won\"} 1\n"));
    EXPECT_THAT(metrics(), HasSubstr("fusebox_hedges_total{route=\"all\",result=\"suppressed\"} 0\n"));
    EXPECT_THAT(metrics(), HasSubstr("fusebox_tries_total{route=\"all\"} 2\n"));
    EXPECT_THAT(snapshot(), HasSubstr("\"hedges\": {\n        \"launched\": 1,\n        \"won\": 1,\n"
                                      "        \"suppressed\": 0,\n        \"delay_seconds\": 0.1\n"));
    (void)round(get, fine);
    EXPECT_THAT(answer, Not(HasSubstr("Proxy-Status"))) << "a race of one is none";
}

}  // namespace fusebox::gateway
