// Correct proxying, by the numbers of docs/correct-proxying.md: clocks, failures, and what the policies make of them.
#include "raw_peers.hpp"

namespace fusebox::gateway {

TEST_F(proxying, line_46_errors_of_the_upstream_are_named) {
    close_origin();
    peer& c = client();
    send(c, get);
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 502"));
    EXPECT_THAT(h, HasSubstr("Proxy-Status: fusebox; error=connection_refused"));
    EXPECT_THAT(h, HasSubstr("Cache-Control: no-store"));
    EXPECT_THAT(h, HasSubstr("application/problem+json"));
    EXPECT_EQ(counts().incidents[static_cast<std::size_t>(incident::connection_refused)], 1u)
        << "once, not as the answer's too";
}

constexpr std::string_view half_a_post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello";

TEST_F(proxying, line_47_a_slow_head_is_a_408) {
    for (const char* begun : {"\r\n", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"}) {
        peer& c = client();
        send(c, begun);
        EXPECT_TRUE(until([&] { return gateway_->server().connections() == 1; }));
        pass(9s);
        EXPECT_EQ(rest(c), "") << begun;
        pass(2s);
        const std::string h = head(c);
        EXPECT_THAT(h, StartsWith("HTTP/1.1 408")) << begun;
        EXPECT_THAT(h, HasSubstr("Proxy-Status: fusebox; error=http_request_error")) << begun;
        EXPECT_TRUE(ends(c)) << begun;
        close(c);
        EXPECT_TRUE(until([&] { return gateway_->server().connections() == 0; }));
    }
    EXPECT_FALSE(origin_is_asked());
}

TEST_F(proxying, line_47_a_body_that_stops_is_a_408_and_nobody_s_failure) {
    peer& c = client();
    send(c, half_a_post);
    peer& o = origin();
    EXPECT_TRUE(receives(o, "hello"));
    pass(9s);
    EXPECT_EQ(rest(c), "") << "a try's time is over, but it is the client that is waited for";
    pass(2s);
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 408"));
    EXPECT_THAT(h, HasSubstr("Connection: close"));
    EXPECT_TRUE(ends(o));
    EXPECT_EQ(breaker().snapshot().window.calls, 0u);
}

TEST_F(proxying, line_47_a_body_that_trickles_is_a_408_too) {
    peer& c = client();
    send(c, half_a_post);
    peer& o = origin();
    EXPECT_TRUE(receives(o, "hello"));
    for (int i = 0; i < 4; ++i) {
        pass(2900ms);
        if (i < 3) send(c, "x");
    }
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 408"));
    EXPECT_EQ(breaker().snapshot().window.calls, 0u);
}

TEST_F(proxying, line_48_the_origin_has_its_time_when_the_client_has_taken_its_own) {
    peer& c = client();
    send(c, half_a_post);
    peer& o = origin();
    EXPECT_TRUE(receives(o, "hello"));
    pass(4s);
    send(c, "world");
    EXPECT_TRUE(receives(o, "world"));
    pass(2900ms);
    EXPECT_EQ(rest(c), "");
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(breaker().snapshot().window.failures, 0u);
}

TEST_F(proxying, line_48_and_no_more_than_its_time) {
    peer& c = client();
    send(c, half_a_post);
    peer& o = origin();
    EXPECT_TRUE(receives(o, "hello"));
    pass(4s);
    send(c, "world");
    EXPECT_TRUE(receives(o, "world"));
    pass(3100ms);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 504"));
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
}

TEST_F(proxying, line_48_a_response_that_does_not_come_is_a_504_and_a_failure) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    pass(2900ms);
    EXPECT_EQ(rest(c), "");
    pass(200ms);
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 504"));
    EXPECT_THAT(h, HasSubstr("error=http_response_timeout"));
    EXPECT_TRUE(ends(o));
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
}

TEST_F(proxying, line_48_a_client_that_does_not_read_is_not_the_origin_s_slowness) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    constexpr std::size_t whole = 64 << 20;
    send(o, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(whole) + "\r\n\r\n");
    const std::string part(1 << 20, 'x');
    std::size_t sent = 0;
    const auto pour = [&] {
        const ssize_t n = ::send(o.fd, part.data(), std::min(part.size(), whole - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) sent += std::size_t(n);
    };
    int stuck = 0;
    until([&] {
        const std::size_t before = sent;
        pour();
        return (stuck = sent == before ? stuck + 1 : 0) > 50;
    });
    EXPECT_LE(sent, std::size_t{24} << 20) << "the origin is held back";
    pass(29s);
    until([&] {
        pour();
        take_in(c);
        return c.got.size() > whole || c.ended;
    });
    EXPECT_GT(c.got.size(), whole);
    EXPECT_EQ(breaker().snapshot().window.failures, 0u);
}

TEST_F(proxying, line_49_when_the_client_goes_the_try_is_cancelled_and_nobody_is_blamed) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    cut(c);
    EXPECT_TRUE(ends(o));
    EXPECT_EQ(breaker().snapshot().window.calls, 0u);
    EXPECT_EQ(counts().responses[0], 1u);
}

TEST_F(proxying, line_49_every_request_is_counted_once_by_what_its_client_was_told) {
    peer& gone = client();
    send(gone, get);
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    EXPECT_NE(head(gone), "");
    cut(gone);
    EXPECT_TRUE(ends(o));
    EXPECT_EQ(counts().responses[2], 1u);
    EXPECT_EQ(counts().responses[0], 0u) << "it was told of a 200";
    peer& slow = client();
    send(slow, half_a_post);
    head(origin());
    pass(11s);
    EXPECT_THAT(head(slow), StartsWith("HTTP/1.1 408"));
    EXPECT_EQ(counts().responses[4], 1u);
    EXPECT_EQ(counts().responses[0], 0u);
}

TEST_F(proxying, line_49_a_trial_whose_client_goes_gives_its_slot_back) {
    route().circuit_breaker->options = {.consecutive_failures = 1, .half_open_calls = 1};
    exchange(get, broken);
    EXPECT_EQ(breaker().state(), circuit_state::open);
    clock.advance(10min);
    peer& c = client();
    send(c, get);
    peer& o = origin();
    EXPECT_NE(head(o), "");
    cut(c);
    EXPECT_TRUE(ends(o));
    peer& d = client();
    send(d, get);
    peer& second = origin();
    EXPECT_NE(head(second), "");
    send(second, ok);
    EXPECT_THAT(head(d), StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, line_51_an_open_breaker_answers_and_the_origin_hears_nothing) {
    route().circuit_breaker->options = {.consecutive_failures = 1, .open_for = 20s, .open_jitter = 0};
    exchange(get, broken);
    const std::string h = refused(get);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(h, HasSubstr("error=destination_unavailable"));
    EXPECT_THAT(h, HasSubstr("Retry-After: 2"));
}

TEST_F(proxying, line_52_pushback_passes_and_only_a_503_is_a_failure) {
    const auto busy = exchange(get, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(busy.answered, HasSubstr("Retry-After: 7\r\n"));
    EXPECT_EQ(breaker().snapshot().window.failures, 0u);
    exchange(get, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
}

TEST_F(proxying, line_53_a_retried_request_is_the_same_but_for_its_trace) {
    route().retry = retry_configuration{};
    peer& c = client();
    send(c, "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nB: 1\r\nA: 2\r\n\r\nbody");
    peer& o = origin();
    std::string first = head(o) + body(o, 4);
    send(o, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    pass(5s);
    peer& again = origin();
    std::string second = head(again) + body(again, 4);
    const auto trace = first.find("traceparent: "), at = second.find("traceparent: ");
    ASSERT_NE(trace, std::string::npos);
    EXPECT_NE(first.substr(trace, 68), second.substr(at, 68));
    first.erase(trace, 68), second.erase(at, 68);
    EXPECT_EQ(first, second);
    send(again, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, line_53_a_body_beyond_the_buffer_is_streamed_and_not_retried) {
    route().retry = retry_configuration{};
    route().body_buffer = 3;
    peer& c = client();
    send(c, "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    peer& o = origin();
    head(o);
    EXPECT_EQ(body(o, 4), "body");
    send(o, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 503"));
    EXPECT_EQ(body(c, 4), "busy");
}

TEST_F(proxying, the_last_failed_answer_is_relayed_whole_when_no_try_is_left) {
    route().retry = retry_configuration{.options = {.max_attempts = 2}};
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nfirst");
    pass(5s);
    peer& second = origin();
    head(second);
    send(second, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nsecond");
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 503"));
    EXPECT_EQ(body(c, 6), "second");
    EXPECT_EQ(counts().tries, 2u);
}

TEST_F(proxying, line_54_a_stream_is_passed_on_as_it_comes_and_a_reset_in_it_is_a_failure) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    head(c);
    for (int i = 0; i < 5; ++i) {
        send(o, "9\r\ndata: x\n\n\r\n");
        EXPECT_TRUE(receives(c, "data: x\n\n"));
        c.got.clear();
        pass(50s);
    }
    cut(o);
    EXPECT_TRUE(ends(c));
    EXPECT_TRUE(c.reset);
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
}

TEST_F(proxying, a_full_bulkhead_refuses_and_a_place_in_its_queue_is_served_in_turn) {
    route().bulkhead = bulkhead_options{.max_concurrent = 1, .queue = 1, .queue_wait = 2s};
    peer& a = client();
    send(a, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    peer& o = origin();
    EXPECT_THAT(head(o), StartsWith("GET /a "));
    peer& b = client();
    send(b, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(rest(b), "");
    EXPECT_THAT(refused("GET /c HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("error=connection_limit_reached"));
    send(o, ok);
    EXPECT_THAT(head(a), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(head(o), StartsWith("GET /b "));
    send(o, ok);
    EXPECT_THAT(head(b), StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, the_hash_of_a_request_decides_its_endpoint) {
    configured.upstreams[0].options.balance.algorithm = balancing::maglev;
    configured.upstreams[0].hash_on = {request_key::source::header, "X-User"};
    EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: a\r\nX-User: 7\r\n\r\n", ok).answered, StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, a_fixed_answer_takes_the_place_of_an_error) {
    route().fallback = fallback_configuration{.then = fixed_answer{.status = 200, .body = "later\n"}};
    close_origin();
    peer& c = client();
    send(c, get);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(body(c, 6), "later\n");
}

}  // namespace fusebox::gateway
