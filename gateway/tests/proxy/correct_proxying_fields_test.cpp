// Correct proxying, by the numbers of docs/correct-proxying.md: what is refused, taken away and added.
#include "raw_peers.hpp"

namespace fusebox::gateway {

TEST_F(proxying, lines_01_to_10_what_is_not_strictly_http_is_refused_and_never_forwarded) {
    const struct {
        std::string_view request;
        int status;
    } table[] = {
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},  // 1
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400},                      // 2
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},                 // 3
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},  // 3
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400},          // 4
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},               // 5
        {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400},  // 6
        {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},     // 7
        {"GET / HTTP/1.1\nHost: a\n\n", 400},                      // 8
        {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},               // 9
        {"GET / HTTP/1.1\r\n\r\n", 400},                           // 17
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405},  // 19
        {"GET /a/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},     // 20
        {"GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},                      // 22
        {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405},                    // 27
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n", 400},  // 24
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 fusebox\r\n\r\n", 502},  // 25
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417},  // 33
    };
    for (const auto& row : table)
        EXPECT_THAT(refused(row.request), StartsWith("HTTP/1.1 " + std::to_string(row.status))) << row.request;
}

TEST_F(proxying, line_04_equal_lengths_are_forwarded_as_one) {
    const auto e = exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", ok);
    const auto first = e.asked.find("Content-Length: 1\r\n");
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(e.asked.find("Content-Length", first + 1), std::string::npos);
}

TEST_F(proxying, line_05_and_06_what_an_origin_spells_oddly_is_mended) {
    const auto e = exchange(get, "HTTP/1.1 200 OK\r\nX-One : 1\r\nX-Two: a\r\n b\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_THAT(e.answered, ::testing::ContainsRegex("X-Two: a +b\r\n"));
    EXPECT_THAT(e.answered, Not(HasSubstr("X-One :")));
}

TEST_F(proxying, line_07_a_malformed_response_is_a_502_and_a_failure) {
    const auto e = exchange(get, "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_THAT(e.answered, StartsWith("HTTP/1.1 502"));
    EXPECT_THAT(e.answered, HasSubstr("Proxy-Status: fusebox; error=http_protocol_error"));
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
}

TEST_F(proxying, line_11_trailers_reach_only_who_asked_for_them) {
    constexpr std::string_view with_trailers =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nChecksum: 7\r\nContent-Length: 9\r\n\r\n";
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, with_trailers);
    head(c);
    EXPECT_TRUE(receives(c, "0\r\n\r\n"));
    EXPECT_THAT(c.got, Not(HasSubstr("Checksum")));
    peer& d = client();
    send(d, "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    head(o);
    send(o, with_trailers);
    head(d);
    EXPECT_TRUE(receives(d, "0\r\nChecksum: 7\r\n\r\n")) << "and what frames or routes is left out";
}

TEST_F(proxying, line_11_trailers_of_a_request_reach_the_origin_in_every_attempt) {
    route().retry.emplace();
    peer& c = client();
    send(c,
         "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\n\r\n"
         "1\r\nx\r\n0\r\nChecksum: 7\r\nX-Hop: 1\r\nHost: b\r\n\r\n");
    for (int attempt = 0; attempt < 2; ++attempt) {
        peer& o = origin();
        head(o);
        EXPECT_TRUE(receives(o, "1\r\nx\r\n0\r\nChecksum: 7\r\n\r\n")) << o.got;
        send(o, attempt == 0 ? "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n" : ok);
        close(o);
        pass(5s);
    }
}

TEST_F(proxying, line_18_an_absolute_target_overrides_host_and_goes_on_in_origin_form) {
    const auto e = exchange("GET http://real.example/p?q=1 HTTP/1.1\r\nHost: other\r\n\r\n", ok);
    EXPECT_THAT(e.asked, StartsWith("GET /p?q=1 HTTP/1.1\r\n"));
    EXPECT_THAT(e.asked, HasSubstr("Host: real.example\r\n"));
    EXPECT_THAT(e.asked, Not(HasSubstr("other")));
}

TEST_F(proxying, line_20_routes_match_the_normal_path_and_the_bytes_go_on_as_they_came) {
    route().match.path_prefix = "/api";
    const auto e = exchange("GET /x/../%61pi/%2f?a=%41 HTTP/1.1\r\nHost: a\r\n\r\n", ok);
    EXPECT_THAT(e.asked, StartsWith("GET /x/../%61pi/%2f?a=%41 HTTP/1.1\r\n"));
    const std::string unknown = refused("GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(unknown, StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(unknown, HasSubstr("Proxy-Status: fusebox; error=destination_not_found; details=\"no route"));
}

TEST_F(proxying, line_21_the_host_is_kept_unless_the_route_rewrites_it) {
    EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: shop.example:81\r\n\r\n", ok).asked,
                HasSubstr("Host: shop.example:81\r\n"));
    route().rewrite_host = "internal";
    serve();
    const auto e = exchange("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", ok);
    EXPECT_THAT(e.asked, HasSubstr("Host: internal\r\n"));
    EXPECT_THAT(e.asked, Not(HasSubstr("Host: shop.example\r\nHost")));
    EXPECT_THAT(e.asked, HasSubstr("X-Forwarded-Host: shop.example\r\n"));
}

TEST_F(proxying, line_23_limits_answer_with_their_own_statuses) {
    configured.limits.body = 10;
    configured.limits.uri = 100;
    configured.limits.head = 4096;
    EXPECT_THAT(refused("GET /" + std::string(300, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 414"));
    EXPECT_THAT(refused("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'x')), StartsWith("HTTP/1.1 431"));
    EXPECT_THAT(refused("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n"),
                StartsWith("HTTP/1.1 413"));
}

TEST_F(proxying, line_24_fields_of_the_hop_are_removed_both_ways) {
    const auto e = exchange(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n"
        "Proxy-Connection: close\r\nTE: gzip\r\nX-Yours: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: X-Theirs\r\nX-Theirs: 1\r\nKeep-Alive: timeout=5\r\nX-Stays: 2\r\n"
        "Content-Length: 2\r\n\r\nok");
    for (const char* gone : {"X-Mine", "Keep-Alive", "Proxy-Connection", "TE: gzip"})
        EXPECT_THAT(e.asked, Not(HasSubstr(gone)));
    EXPECT_THAT(e.asked, HasSubstr("X-Yours: 2\r\n"));
    EXPECT_THAT(e.answered, Not(HasSubstr("X-Theirs")));
    EXPECT_THAT(e.answered, HasSubstr("X-Stays: 2\r\n"));
}

TEST_F(proxying, line_25_gateways_in_a_row_have_a_pseudonym_each) {
    configured.pseudonym = "inner";
    const auto e = exchange("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 fusebox\r\nForwarded: for=6.6.6.6\r\n\r\n", ok);
    EXPECT_THAT(e.asked, HasSubstr("Via: 1.1 fusebox\r\n"));
    EXPECT_THAT(e.asked, HasSubstr("Via: 1.1 inner\r\n"));
    EXPECT_THAT(e.asked, HasSubstr("by=_inner\r\n"));
    const std::string h = refused("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 inner\r\n\r\n");
    EXPECT_THAT(h, HasSubstr("Proxy-Status: inner; error=proxy_loop_detected"));
}

TEST_F(proxying, line_25_26_and_30_the_request_says_where_it_has_been) {
    const auto e = exchange(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nVia: 1.0 other\r\n"
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
        ok);
    EXPECT_THAT(e.asked, HasSubstr("Via: 1.0 other\r\n"));
    EXPECT_THAT(e.asked, HasSubstr("Via: 1.1 fusebox\r\n"));
    EXPECT_THAT(e.asked, HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
    EXPECT_THAT(e.asked, HasSubstr("Forwarded: for=127.0.0.1;host=a;proto=http;by=_fusebox\r\n"));
    EXPECT_THAT(e.asked, Not(HasSubstr("6.6.6.6"))) << "strangers are not believed";
    EXPECT_THAT(e.asked, HasSubstr("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"));
    EXPECT_THAT(e.asked, Not(HasSubstr("b7ad6b7169203331"))) << "a span of our own";
}

TEST_F(proxying, line_30_the_state_of_a_trace_goes_on_with_its_trace_only) {
    const std::string parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    const auto asked = [this](const std::string& lines) {
        return exchange("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n", ok).asked;
    };
    EXPECT_THAT(asked(parent + "tracestate: a=1\r\ntracestate: b=2\r\n"),
                HasSubstr("tracestate: a=1\r\ntracestate: b=2\r\n"));
    for (const std::string& lines :
         {std::string("tracestate: a=1\r\n"), std::string("traceparent: 00-0-0-01\r\ntracestate: a=1\r\n"),
          parent + "tracestate: a=1\r\ntracestate: no state\r\n"})
        EXPECT_THAT(asked(lines), Not(HasSubstr("tracestate"))) << lines;
    const std::string doubled = asked(parent + parent + "tracestate: a=1\r\n");
    EXPECT_THAT(doubled, Not(HasSubstr("tracestate")));
    EXPECT_THAT(doubled, Not(HasSubstr("0af7651916cd43dd8448eb211c80319c"))) << "of two parents neither is believed";
}

TEST_F(proxying, line_28_order_and_repeats_are_kept) {
    const auto e = exchange("GET / HTTP/1.1\r\nHost: a\r\nB: 1\r\nA: 2\r\nB: 3\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_THAT(e.asked, HasSubstr("B: 1\r\nA: 2\r\nB: 3\r\n"));
    EXPECT_THAT(e.answered, HasSubstr("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"));
}

TEST_F(proxying, line_29_a_missing_date_is_added_and_the_server_named_by_itself) {
    const auto e = exchange(get, "HTTP/1.1 200 OK\r\nServer: theirs\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_THAT(e.answered, HasSubstr("\r\nDate: "));
    EXPECT_THAT(e.answered, HasSubstr("Server: theirs\r\n"));
    const auto dated =
        exchange(get, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_THAT(dated.answered, HasSubstr("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    EXPECT_EQ(dated.answered.find("Date:"), dated.answered.rfind("Date:"));
}

}  // namespace fusebox::gateway
