// Correct proxying, by the numbers of docs/correct-proxying.md: bounds that somebody set, and what is said of them.
#include "raw_peers.hpp"

#include <sys/resource.h>

namespace fusebox::gateway {

constexpr std::string_view chunked_post =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n";

TEST_F(proxying, line_23_a_chunked_body_beyond_the_limit_is_a_413_and_nobody_s_failure) {
    configured.limits.body = 10;
    peer& c = client();
    send(c, chunked_post);
    peer& o = origin();
    head(o);
    EXPECT_TRUE(receives(o, "abcdef"));
    send(c, "5\r\nghijk\r\n");
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(h, HasSubstr("Connection: close"));
    EXPECT_TRUE(ends(o));
    EXPECT_THAT(o.got, Not(HasSubstr("g"))) << "what is too much is not passed on";
    EXPECT_EQ(breaker().snapshot().window.calls, 0u);
}

TEST_F(proxying, line_23_a_chunked_body_of_just_the_limit_passes) {
    configured.limits.body = 10;
    peer& c = client();
    send(c, chunked_post);
    peer& o = origin();
    head(o);
    send(c, "4\r\nghij\r\n0\r\n\r\n");
    EXPECT_TRUE(receives(o, "ghij\r\n0\r\n\r\n"));
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, line_27_an_options_that_may_go_no_further_is_answered_here) {
    EXPECT_THAT(refused("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(refused("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"), StartsWith("HTTP/1.1 405"));
    for (const char* odd : {"-1", "", "1, 2", "99999999999999999999x", "1\r\nMax-Forwards: 1"})
        EXPECT_THAT(refused("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: " + std::string(odd) + "\r\n\r\n"),
                    StartsWith("HTTP/1.1 400"))
            << odd;
}

TEST_F(proxying, line_27_max_forwards_counts_down_for_options_and_means_nothing_to_others) {
    const auto asked = exchange("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n", ok).asked;
    EXPECT_THAT(asked, HasSubstr("Max-Forwards: 9\r\n"));
    EXPECT_THAT(asked, Not(HasSubstr("Max-Forwards: 10")));
    EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", ok).asked,
                HasSubstr("Max-Forwards: 0\r\n"));
}

TEST_F(proxying, line_31_proxy_status_of_those_behind_us_passes) {
    const auto e = exchange(get,
                            "HTTP/1.1 504 Gateway Timeout\r\nProxy-Status: cdn; error=connection_timeout\r\n"
                            "Content-Length: 0\r\n\r\n");
    EXPECT_THAT(e.answered, HasSubstr("Proxy-Status: cdn; error=connection_timeout\r\n"));
}

TEST_F(proxying, line_31_a_refusal_of_ours_has_no_body_for_head) {
    close_origin();
    peer& c = client();
    send(c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 502"));
    EXPECT_THAT(h, HasSubstr("Proxy-Status: fusebox; error=connection_refused"));
    EXPECT_THAT(h, Not(HasSubstr("Content-Length: 0"))) << "the length is that of the body that GET would get";
    send(c, "HEAD /next HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 502")) << "at once behind the head, no byte of a body between";
}

TEST_F(proxying, line_41_a_connection_is_kept_no_longer_than_the_origin_says) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 200 OK\r\nKeep-Alive: max=100, timeout=5\r\nContent-Length: 2\r\n\r\nok");
    head(c), body(c, 2);
    pass(3900ms);
    send(c, get);
    EXPECT_NE(head(o), "") << "in time: it is used again";
    send(o, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok");
    head(c), body(c, 2);
    pass(4100ms);
    EXPECT_TRUE(ends(o)) << "closed before the origin does";
    send(c, get);
    peer& second = origin();
    EXPECT_NE(head(second), "");
    send(second, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok");
    head(c), body(c, 2);
    EXPECT_TRUE(ends(second)) << "not worth keeping";
}

TEST_F(proxying, line_48_the_first_byte_has_a_clock_that_begins_when_the_request_is_sent) {
    route().timeout.first_byte = 1s;
    peer& c = client();
    send(c, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    peer& o = origin();
    head(o);
    pass(1500ms);
    EXPECT_EQ(rest(c), "") << "the request is not sent yet";
    send(c, "body");
    EXPECT_EQ(body(o, 4), "body");
    pass(900ms);
    EXPECT_EQ(rest(c), "");
    pass(200ms);
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 504"));
    EXPECT_THAT(h, HasSubstr("error=http_response_timeout"));
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
}

TEST_F(proxying, line_48_the_first_byte_of_a_response_ends_that_clock) {
    route().timeout.first_byte = 1s;
    for (const std::string_view first : {"HTTP/1.1 2", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 2"}) {
        peer& c = client();
        send(c, get);
        peer& o = origin();
        head(o);
        send(o, first);
        pass(1500ms);
        EXPECT_FALSE(c.ended);
        send(o, "00 OK\r\nContent-Length: 2\r\n\r\nok");
        EXPECT_TRUE(receives(c, "HTTP/1.1 200"));
        cut(o);
    }
}

// While it lives, no descriptor can be opened but those that are closed meanwhile.
class without_descriptors {
public:
    explicit without_descriptors(int highest) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit none{rlim_t(highest) + 1, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    without_descriptors(const without_descriptors&) = delete;
    without_descriptors& operator=(const without_descriptors&) = delete;
    ~without_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST_F(proxying, line_56_out_of_descriptors_connections_are_shed_and_the_gateway_recovers) {
    peer& early = client();
    settle();
    peer& waiting = unconnected_client();
    peer& later = unconnected_client();
    const int highest = ::dup(later.fd);  // the lowest number that is free: all below it are in use
    const without_descriptors none{highest};

    connect(waiting);
    EXPECT_TRUE(ends(waiting)) << "told at once, not left to wait";
    send(early, get);
    const std::string h = head(early);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 503")) << "those that are in are answered, if there is no way on for them";
    EXPECT_THAT(h, HasSubstr("error=connection_limit_reached"));
    EXPECT_EQ(breaker().snapshot().window.calls, 0u) << "the origin has no part in it";

    ::close(highest);
    ::close(std::exchange(waiting.fd, -1));
    connect(later);
    send(later, get);
    ::close(std::exchange(early.fd, -1));
    peer& o = origin();
    EXPECT_NE(head(o), "");
    send(o, ok);
    EXPECT_THAT(head(later), StartsWith("HTTP/1.1 200"));
}

}  // namespace fusebox::gateway
