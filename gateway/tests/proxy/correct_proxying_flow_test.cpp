// Correct proxying, by the numbers of docs/correct-proxying.md: how messages flow.
#include "raw_peers.hpp"

namespace fusebox::gateway {

TEST_F(proxying, a_request_reaches_the_origin_and_its_answer_the_client) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    EXPECT_THAT(head(o), StartsWith("GET / HTTP/1.1\r\nHost: a\r\n"));
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(body(c, 2), "ok");
    EXPECT_EQ(breaker().snapshot().window.successes(), 1u);
}

TEST_F(proxying, both_connections_are_used_again) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    for (int i = 0; i < 5; ++i) {
        EXPECT_NE(head(o), "");
        send(o, ok);
        EXPECT_NE(head(c), "");
        EXPECT_EQ(body(c, 2), "ok");
        send(c, get);
    }
    EXPECT_NE(head(o), "");
    EXPECT_FALSE(origin_is_asked()) << "a second connection";
}

TEST_F(proxying, line_12_what_follows_a_request_without_a_body_is_the_next_request) {
    peer& c = client();
    send(c, "GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n");
    peer& o = origin();
    EXPECT_THAT(head(o), StartsWith("GET /one "));
    send(o, ok);
    EXPECT_THAT(head(o), StartsWith("GET /two "));
}

TEST_F(proxying, line_13_no_body_follows_a_head_request_a_204_or_a_304) {
    peer& c = client();
    send(c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    EXPECT_THAT(head(c), HasSubstr("Content-Length: 500"));
    send(c, get);
    head(o);
    send(o, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 304"));
    send(c, get);
    EXPECT_NE(head(o), "") << "the same connection is good for more";
}

TEST_F(proxying, line_14_a_response_until_close_is_chunked_for_1_1) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 200 OK\r\n\r\nall of it");
    close(o);
    EXPECT_THAT(head(c), HasSubstr("Transfer-Encoding: chunked\r\n"));
    EXPECT_TRUE(receives(c, "9\r\nall of it\r\n0\r\n\r\n"));
}

TEST_F(proxying, line_14_a_response_until_close_stays_so_for_1_0) {
    peer& c = client();
    send(c, "GET / HTTP/1.0\r\n\r\n");
    peer& o = origin();
    EXPECT_THAT(head(o), HasSubstr("Host: orders\r\n")) << "1.0 need not say for whom it is";
    send(o, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    const std::string h = head(c);
    EXPECT_THAT(h, Not(HasSubstr("chunked")));
    EXPECT_THAT(h, HasSubstr("Connection: close"));
    EXPECT_TRUE(ends(c));
    EXPECT_EQ(c.got, "abc");
}

TEST_F(proxying, line_15_an_incomplete_response_is_seen_to_be_incomplete) {
    for (const std::string_view part : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
        peer& c = client();
        send(c, get);
        peer& o = origin();
        head(o);
        send(o, part);
        EXPECT_NE(head(c), "");
        close(o);
        EXPECT_TRUE(ends(c));
        EXPECT_TRUE(c.reset) << "not an end that could be taken for the whole";
        EXPECT_THAT(c.got, Not(HasSubstr("0\r\n\r\n")));
    }
    EXPECT_EQ(breaker().snapshot().window.failures, 2u);
}

TEST_F(proxying, line_16_a_chunked_body_arrives_whole_whatever_the_method) {
    peer& c = client();
    send(c, "DELETE /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;ext=1\r\nwxyz\r\n");
    peer& o = origin();
    EXPECT_THAT(head(o), HasSubstr("Transfer-Encoding: chunked\r\n"));
    EXPECT_TRUE(receives(o, "4\r\nwxyz\r\n")) << "extensions are not forwarded";
    send(c, "1\r\n!\r\n0\r\n\r\n");
    EXPECT_TRUE(receives(o, "1\r\n!\r\n0\r\n\r\n"));
}

TEST_F(proxying, line_32_an_expectation_is_relayed_and_the_body_waits_for_it) {
    peer& c = client();
    send(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    peer& o = origin();
    EXPECT_THAT(head(o), HasSubstr("Expect: 100-continue\r\n"));
    send(o, "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(head(c), "HTTP/1.1 100 Continue\r\n\r\n");
    send(c, "body");
    EXPECT_EQ(body(o, 4), "body");
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, line_32_a_final_status_in_place_of_100_is_relayed_and_no_body_is_read) {
    peer& c = client();
    send(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 401"));
    EXPECT_THAT(h, HasSubstr("Connection: close"));
}

TEST_F(proxying, line_32_the_body_goes_after_a_second_without_a_100) {
    peer& c = client();
    send(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody");
    peer& o = origin();
    head(o);
    EXPECT_EQ(rest(o), "");
    pass(1100ms);
    EXPECT_EQ(body(o, 4), "body");
}

TEST_F(proxying, line_34_early_hints_reach_1_1_and_never_1_0) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 103"));
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    peer& old = client();
    send(old, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    EXPECT_NE(head(o), "");
    send(o, "HTTP/1.1 103 Early Hints\r\n\r\n");
    send(o, ok);
    EXPECT_THAT(head(old), StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, line_35_an_upgrade_becomes_a_tunnel_with_what_was_there_already) {
    route().upgrade = {"websocket"};
    peer& c = client();
    send(c, "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly");
    peer& o = origin();
    const std::string asked = lower(head(o));
    EXPECT_THAT(asked, HasSubstr("upgrade: websocket\r\n"));
    EXPECT_THAT(asked, HasSubstr("connection: upgrade\r\n"));
    send(o, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi");
    const std::string switched = lower(head(c));
    EXPECT_THAT(switched, StartsWith("http/1.1 101"));
    EXPECT_THAT(switched, HasSubstr("upgrade: websocket"));
    EXPECT_EQ(body(c, 2), "hi");
    EXPECT_EQ(body(o, 5), "early");
    send(c, "ping");
    EXPECT_EQ(body(o, 4), "ping");
    EXPECT_EQ(breaker().snapshot().window.successes(), 1u) << "the switch is the success";
    for (int i = 0; i < 3; ++i) {
        pass(50s);
        send(o, "pong");
        EXPECT_EQ(body(c, 4), "pong") << "no clock of a request runs in a tunnel";
        pass(50s);
        send(c, "ping");
        EXPECT_EQ(body(o, 4), "ping");
    }
    close(o);
    EXPECT_TRUE(ends(c));
}

TEST_F(proxying, line_48_a_tunnel_in_which_both_sides_are_silent_ends_after_the_idle_time) {
    route().upgrade = {"websocket"};
    route().timeout.idle = 5min;
    peer& c = client();
    send(c, "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 101"));
    pass(299s);
    send(c, "ping");
    EXPECT_EQ(body(o, 4), "ping");
    pass(299s);
    EXPECT_EQ(rest(c), "");
    EXPECT_FALSE(c.ended);
    pass(2s);
    EXPECT_TRUE(ends(c));
    EXPECT_TRUE(ends(o));
    EXPECT_TRUE(until([&] { return gateway_->server().connections() == 0; }));
}

TEST_F(proxying, line_35_an_upgrade_that_the_route_does_not_allow_is_not_forwarded) {
    const auto e = exchange(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
        ok);
    EXPECT_THAT(lower(e.asked), Not(HasSubstr("upgrade")));
    EXPECT_THAT(lower(e.asked), Not(HasSubstr("http2-settings")));
    EXPECT_THAT(e.answered, StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, line_37_pipelined_requests_are_answered_in_order_and_not_pipelined_on) {
    peer& c = client();
    send(c, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    peer& o = origin();
    EXPECT_THAT(head(o), StartsWith("GET /1 "));
    EXPECT_EQ(rest(o), "");
    EXPECT_FALSE(origin_is_asked());
    send(o, ok);
    EXPECT_THAT(head(o), StartsWith("GET /2 "));
    send(o, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
    EXPECT_TRUE(receives(c, "two"));
    EXPECT_LT(c.got.find("ok"), c.got.find("two"));
}

TEST_F(proxying, line_38_a_pooled_connection_that_became_readable_is_discarded) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, ok);
    head(c), body(c, 2);
    send(o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray");
    EXPECT_TRUE(ends(o));
    send(c, get);
    peer& second = origin();
    EXPECT_NE(head(second), "");
}

TEST_F(proxying, line_39_a_reuse_race_is_run_again_and_nobody_s_failure) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, ok);
    head(c), body(c, 2);
    send(c, get);
    EXPECT_NE(head(o), "");
    close(o);
    peer& second = origin();
    EXPECT_NE(head(second), "");
    send(second, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(breaker().snapshot().window.failures, 0u);
    EXPECT_EQ(breaker().snapshot().window.successes(), 2u);
}

TEST_F(proxying, line_39_a_reuse_race_of_a_put_has_its_body_again_even_where_nothing_is_retried) {
    constexpr std::string_view put = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, ok);
    head(c), body(c, 2);
    send(c, put);
    EXPECT_THAT(head(o), StartsWith("PUT / "));
    EXPECT_EQ(body(o, 4), "body");
    close(o);
    peer& second = origin();
    EXPECT_THAT(head(second), StartsWith("PUT / "));
    EXPECT_EQ(body(second, 4), "body");
    send(second, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, line_40_a_post_whose_bytes_went_out_is_never_repeated) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, ok);
    head(c), body(c, 2);
    send(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_NE(head(o), "");
    close(o);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 502"));
    EXPECT_FALSE(origin_is_asked());
    EXPECT_EQ(breaker().snapshot().window.failures, 0u) << "on a reused connection it says nothing";

    peer& d = client();
    send(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    peer& fresh = origin();
    EXPECT_NE(head(fresh), "");
    close(fresh);
    EXPECT_THAT(head(d), StartsWith("HTTP/1.1 502"));
    EXPECT_EQ(breaker().snapshot().window.failures, 1u) << "on a fresh one it does";
}

TEST_F(proxying, line_41_a_connection_that_the_origin_closes_is_not_used_again) {
    for (const std::string_view last : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                                        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"}) {
        peer& c = client();
        send(c, get);
        peer& o = origin();
        head(o);
        send(o, last);
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
        EXPECT_TRUE(ends(o));
        send(c, get);
        peer& next = origin();
        EXPECT_NE(head(next), "");
        cut(next);
    }
}

TEST_F(proxying, line_42_a_response_before_the_request_s_end_is_relayed_and_the_sending_stops) {
    peer& c = client();
    send(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");
    peer& o = origin();
    head(o);
    EXPECT_EQ(body(o, 4), "some");
    send(o, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    const std::string h = head(c);
    EXPECT_THAT(h, StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(h, HasSubstr("Connection: close"));
    EXPECT_EQ(body(c, 3), "big");
    EXPECT_TRUE(ends(o));
}

TEST_F(proxying, line_42_an_early_response_takes_its_time_though_the_client_sends_no_more) {
    peer& c = client();
    send(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");
    peer& o = origin();
    head(o);
    EXPECT_EQ(body(o, 4), "some");
    send(o, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(body(c, 3), "abc");
    pass(40s);
    send(o, "def");
    EXPECT_EQ(body(c, 3), "def");
    EXPECT_TRUE(ends(c));
    EXPECT_FALSE(c.reset);
}

TEST_F(proxying, line_43_bytes_behind_a_response_end_the_connection) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, std::string(ok) + "HTTP/1.1 200 OK\r\n");
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(body(c, 2), "ok");
    EXPECT_EQ(rest(c), "");
    EXPECT_TRUE(ends(o));
}

TEST_F(proxying, line_44_a_client_that_closed_its_half_still_gets_its_response) {
    peer& c = client();
    send(c, get);
    ::shutdown(c.fd, SHUT_WR);
    peer& o = origin();
    EXPECT_NE(head(o), "");
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(body(c, 2), "ok");
}

}  // namespace fusebox::gateway
