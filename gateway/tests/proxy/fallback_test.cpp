// What takes an error's place, between a raw client, a raw origin and a raw origin of another upstream.
#include "raw_peers.hpp"

namespace fusebox::gateway {

class falling_back : public proxying {
protected:
    falling_back() {
        add_spare();
        route().fallback = fallback_configuration{.upstream = "spare"};
    }
    std::uint64_t fallbacks(fallback_kind from) const { return counts().fallbacks[from]; }
};

constexpr std::string_view busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";
constexpr std::string_view put = "PUT /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
constexpr std::string_view post = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";

TEST_F(falling_back, the_other_upstream_answers_when_the_first_cannot_be_reached) {
    close_origin();
    peer& c = client();
    send(c, get);
    peer& s = spare();
    EXPECT_THAT(head(s), StartsWith("GET / HTTP/1.1\r\nHost: a\r\n"));
    send(s, "HTTP/1.1 200 OK\r\nProxy-Status: cdn; details=\"x\"\r\nContent-Length: 2\r\n\r\nok");
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(body(c, 2), "ok");
    const auto theirs = h.find("Proxy-Status: cdn"), ours = h.find("Proxy-Status: fusebox; error=connection_refused");
    EXPECT_LT(theirs, ours) << "line 31: ours behind theirs";
    EXPECT_NE(ours, std::string::npos);
    EXPECT_EQ(fallbacks(fallback_upstream), 1u);
    EXPECT_EQ(breaker().snapshot().window.failures, 1u) << "the verdict stays that of the first";
    EXPECT_EQ(breaker().snapshot().window.calls, 1u);
}

TEST_F(falling_back, an_open_breaker_sends_even_a_post_there_with_its_body) {
    route().circuit_breaker->options = {.consecutive_failures = 1};
    close_origin();
    peer& first = client();
    send(first, get);
    peer& s = spare();
    head(s);
    send(s, ok);
    EXPECT_THAT(head(first), StartsWith("HTTP/1.1 200"));
    ASSERT_EQ(breaker().state(), circuit_state::open);
    peer& c = client();
    send(c, post);
    EXPECT_THAT(head(s), StartsWith("POST /x "));
    EXPECT_EQ(body(s, 4), "body");
    send(s, ok);
    EXPECT_THAT(head(c), HasSubstr("error=destination_unavailable"));
}

TEST_F(falling_back, a_5xx_is_replaced_and_the_body_is_sent_again_whole) {
    peer& c = client();
    send(c, put);
    peer& o = origin();
    head(o), body(o, 4);
    send(o, busy);
    peer& s = spare();
    EXPECT_THAT(head(s), StartsWith("PUT /x?y "));
    EXPECT_EQ(body(s, 4), "body");
    EXPECT_TRUE(ends(o)) << "nobody reads its answer";
    send(s, ok);
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(h, HasSubstr("Proxy-Status: fusebox; received-status=503"));
    EXPECT_EQ(body(c, 2), "ok") << "of busy no byte";
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
}

TEST_F(falling_back, answers_that_are_no_failures_pass) {
    for (const std::string_view answer : {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                                          "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"}) {
        peer& c = client();
        send(c, get);
        peer& o = origin();
        head(o);
        send(o, answer);
        EXPECT_THAT(head(c), StartsWith(answer.substr(0, 12)));
        close(o);
    }
    EXPECT_EQ(fallbacks(fallback_upstream), 0u);
}

TEST_F(falling_back, what_may_not_be_done_twice_is_not) {
    peer& c = client();
    send(c, post);
    peer& o = origin();
    head(o), body(o, 4);
    send(o, busy);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 503"));
    EXPECT_EQ(body(c, 4), "busy");
    peer& d = client();
    send(d, post);
    head(o), body(o, 4);
    cut(o);
    EXPECT_THAT(head(d), StartsWith("HTTP/1.1 502"));
    EXPECT_EQ(fallbacks(fallback_upstream), 0u);
}

TEST_F(falling_back, a_body_that_was_not_kept_cannot_be_sent_again) {
    route().body_buffer = 3;
    peer& c = client();
    send(c, put);
    peer& o = origin();
    head(o), body(o, 4);
    send(o, busy);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 503"));
    EXPECT_EQ(body(c, 4), "busy");
}

TEST_F(falling_back, retries_come_first) {
    route().retry = retry_configuration{.options = {.max_attempts = 2}};
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, busy);
    pass(5s);
    peer& again = origin();
    head(again);
    send(again, busy);
    peer& s = spare();
    EXPECT_NE(head(s), "");
    send(s, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(breaker().snapshot().window.failures, 2u);
}

TEST_F(falling_back, the_other_upstream_has_a_clock_of_its_own) {
    route().timeout.total = 2s;
    route().timeout.per_try = 2s;
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    pass(2100ms);
    EXPECT_TRUE(ends(o));
    peer& s = spare();
    head(s);
    pass(1900ms);
    EXPECT_EQ(rest(c), "");
    pass(200ms);
    EXPECT_TRUE(ends(s));
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 504"));
    EXPECT_THAT(h, HasSubstr("error=http_response_timeout"));
}

TEST_F(falling_back, when_both_fail_the_first_error_is_told) {
    close_origin();
    peer& c = client();
    send(c, get);
    peer& s = spare();
    head(s);
    cut(s);
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 502"));
    EXPECT_THAT(h, HasSubstr("error=connection_refused"));
    EXPECT_EQ(fallbacks(fallback_upstream), 0u);
    EXPECT_EQ(breaker().snapshot().window.calls, 1u);
}

TEST_F(falling_back, the_other_upstream_s_own_5xx_is_an_answer) {
    close_origin();
    peer& c = client();
    send(c, get);
    peer& s = spare();
    head(s);
    send(s, busy);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 503"));
    EXPECT_EQ(body(c, 4), "busy");
}

TEST_F(falling_back, the_fixed_answer_comes_last_and_says_what_it_replaces) {
    route().fallback->then = fixed_answer{.status = 200, .body = "later\n"};
    close_origin();
    close_spare();
    peer& c = client();
    send(c, get);
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(h, HasSubstr("Proxy-Status: fusebox; error=connection_refused; details=\"a fixed answer\"\r\n"));
    EXPECT_THAT(h, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_EQ(body(c, 6), "later\n");
    EXPECT_EQ(fallbacks(fallback_fixed), 1u);
}

TEST_F(falling_back, a_client_that_came_to_its_own_limit_does_not_evade_it) {
    route().rate_limit = rate_limit_configuration{.bucket = {.rate = 0.001, .burst = 1}};
    exchange(get, ok);
    peer& c = client();
    send(c, get);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 429"));
    EXPECT_EQ(fallbacks(fallback_upstream), 0u);
}

TEST_F(falling_back, a_client_that_goes_meanwhile_ends_it) {
    close_origin();
    peer& c = client();
    send(c, get);
    peer& s = spare();
    head(s);
    cut(c);
    EXPECT_TRUE(ends(s));
    EXPECT_EQ(breaker().snapshot().window.calls, 1u);
}

TEST_F(falling_back, a_limit_that_the_client_has_come_to_is_told_whatever_there_is_to_fall_back_to) {
    route().fallback->then = fixed_answer{.status = 200, .body = "later\n"};
    route().rate_limit = rate_limit_configuration{.bucket = {.rate = 0.1, .burst = 1}};
    EXPECT_THAT(exchange(get, ok).answered, StartsWith("HTTP/1.1 200"));
    const std::string h = refused(get);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 429"));
    EXPECT_THAT(h, HasSubstr("Retry-After: 1"));
    EXPECT_EQ(fallbacks(fallback_fixed) + fallbacks(fallback_upstream), 0u);
}

}  // namespace fusebox::gateway
