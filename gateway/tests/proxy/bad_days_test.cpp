// Days on which much goes wrong at once: what the gateway must not lose then is its memory, its descriptors, and the
// clients who did nothing wrong.
#include "raw_peers.hpp"

#include <vector>

namespace fusebox::gateway {

namespace {

class bad_days : public proxying {
protected:
    // Connections of both sides and what lies in their buffers, but for what the test itself keeps open.
    bool has_let_go_of_all_but(std::size_t connections) {
        return until([&] {
            return gateway_->loop().watched() == listeners + connections && gateway_->memory().messages.in_use() == 0 &&
                   gateway_->memory().unsent.in_use() == 0;
        });
    }
    static constexpr std::size_t listeners = 1;
};

}  // namespace

TEST_F(bad_days, a_storm_of_refused_connections_ends_at_the_breaker) {
    route().circuit_breaker->options = {.consecutive_failures = 5};
    close_origin();
    peer& c = client();
    int failed = 0, refused_by_us = 0;
    for (int i = 0; i < 30; ++i) {
        send(c, get);
        const std::string h = head(c);
        failed += h.starts_with("HTTP/1.1 502");
        refused_by_us += h.starts_with("HTTP/1.1 503");
        c.got.clear();
    }
    EXPECT_EQ(failed, 5);
    EXPECT_EQ(refused_by_us, 25);
    EXPECT_EQ(counts().tries, 5u);
    EXPECT_TRUE(has_let_go_of_all_but(1));
}

TEST_F(bad_days, slow_clients_are_cut_off_and_the_others_served) {
    std::vector<peer*> slow;
    for (int i = 0; i < 40; ++i) {
        slow.push_back(&client());
        send(*slow.back(), "GET / HTTP/1.1\r\nX-A");
    }
    peer& good = client();
    send(good, get);
    peer& o = origin();
    head(o);
    send(o, ok);
    EXPECT_THAT(head(good), StartsWith("HTTP/1.1 200"));
    EXPECT_FALSE(origin_is_asked());
    pass(6s);
    for (peer* p : slow) send(*p, "b");  // a byte now and then buys no time
    pass(5s);
    for (peer* p : slow) EXPECT_THAT(head(*p), StartsWith("HTTP/1.1 408"));
    pass(3s);
    for (peer* p : slow) EXPECT_TRUE(ends(*p));
    EXPECT_TRUE(has_let_go_of_all_but(2)) << "the good client's, and one to the origin";
}

TEST_F(bad_days, a_huge_head_of_a_request_goes_no_further) {
    peer& c = client();
    send(c, "GET / HTTP/1.1\r\nHost: a\r\n");
    const std::string field = "X-Filler: " + std::string(4000, 'f') + "\r\n";
    for (int i = 0; i < 20; ++i) send(c, field);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 431"));
    EXPECT_FALSE(origin_is_asked());
    close(c);
    EXPECT_TRUE(has_let_go_of_all_but(0));
}

TEST_F(bad_days, a_huge_head_of_a_response_is_a_502_and_a_failure) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    const std::string huge = "HTTP/1.1 200 OK\r\nX-Filler: " + std::string(200'000, 'f');
    ::send(o.fd, huge.data(), huge.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 502"));
    EXPECT_TRUE(ends(o));
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
    EXPECT_TRUE(has_let_go_of_all_but(1));
}

TEST_F(bad_days, a_head_that_trickles_in_from_the_origin_is_given_the_try_s_time_and_no_more) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    for (const char* part : {"HTTP/1.1 2", "00 OK\r\n", "X-Slow: "}) {
        send(o, part);
        pass(900ms);
        EXPECT_EQ(rest(c), "");
    }
    pass(400ms);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 504"));
    EXPECT_TRUE(ends(o));
}

TEST_F(bad_days, clients_that_vanish_at_any_moment_leave_nothing_behind) {
    route().retry = retry_configuration{};
    peer& uploading = client();
    send(uploading, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
    peer& first = origin();
    EXPECT_NE(head(first), "");
    cut(uploading);
    EXPECT_TRUE(ends(first));

    peer& waiting = client();
    send(waiting, get);
    peer& second = origin();
    head(second);
    send(second, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");  // a pause before the next try
    cut(waiting);
    pass(10s);
    EXPECT_FALSE(origin_is_asked()) << "for nobody nothing is tried again";
    close(second);

    peer& reading = client();
    send(reading, get);
    peer& third = origin();
    head(third);
    send(third, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    EXPECT_TRUE(receives(reading, "part"));
    cut(reading);
    EXPECT_TRUE(ends(third));

    EXPECT_EQ(breaker().snapshot().totals.failures, 1u) << "the 503, and no client";
    EXPECT_TRUE(has_let_go_of_all_but(0));
}

TEST_F(bad_days, a_pause_of_our_own_trips_no_breaker) {
    route().circuit_breaker->options = {.consecutive_failures = 1, .open_for = 20s, .open_jitter = 0};
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    pass(10s);  // the process was stopped: the origin had no chance to be in time
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 504"));
    EXPECT_TRUE(ends(o));
    EXPECT_EQ(breaker().state(), circuit_state::closed);
    EXPECT_EQ(breaker().snapshot().totals.ignored, 1u);

    peer& other = client();
    send(other, get);
    peer& again = origin();
    head(again);
    pass(4s);  // late by a second of three
    EXPECT_THAT(head(other), StartsWith("HTTP/1.1 504"));
    EXPECT_TRUE(ends(again));
    EXPECT_EQ(breaker().state(), circuit_state::open);
}

TEST_F(bad_days, an_hour_that_is_gone_ends_what_was_waiting_and_harms_nothing_else) {
    route().circuit_breaker->options = {.consecutive_failures = 2, .open_for = 20s, .open_jitter = 0};
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    pass(1h);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 504"));
    EXPECT_TRUE(ends(o));
    exchange(get, broken);
    exchange(get, broken);
    EXPECT_EQ(breaker().state(), circuit_state::open);
    pass(1h);
    const auto after = exchange(get, ok);
    EXPECT_THAT(after.answered, StartsWith("HTTP/1.1 200")) << "the circuit's wait is over as well";
}

TEST_F(bad_days, the_limit_of_connections_to_an_endpoint_is_that_of_all_threads_together) {
    configured.upstreams[0].connections.max_per_endpoint = 2;
    serve(2);
    worker second{*plan_, addresses_, 1, &clock};
    ASSERT_FALSE(second.server().listen(*http::socket_address::from("127.0.0.1", 0)));
    const auto at = second.server().local();
    const auto ask_second = [&]() -> peer& {
        peer& c = unconnected_client();
        EXPECT_EQ(::connect(c.fd, at.get(), at.size), 0);
        EXPECT_EQ(::send(c.fd, get.data(), get.size(), MSG_NOSIGNAL), ssize_t(get.size()));
        return c;
    };
    const auto runs_second_until = [&](auto come) {
        return until([&] { return second.io().restart(), second.io().poll(), come(); });
    };
    peer& first = client();
    send(first, get);
    peer& o = origin();
    EXPECT_NE(head(o), "");
    ask_second();
    EXPECT_TRUE(runs_second_until([&] { return is_asked(origin_); }));
    EXPECT_NE(head(origin()), "");
    peer& third = ask_second();
    EXPECT_TRUE(runs_second_until([&] { return take_in(third), third.got.starts_with("HTTP/1.1 503"); }));
    EXPECT_THAT(refused(get), HasSubstr("error=connection_limit_reached"));
    send(o, ok);
    EXPECT_THAT(head(first), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(body(first, 2), "ok");
    send(first, get);
    EXPECT_NE(head(o), "") << "a place that is free again, on a connection that was kept";
}

}  // namespace fusebox::gateway
