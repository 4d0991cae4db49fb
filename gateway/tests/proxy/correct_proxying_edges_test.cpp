// Correct proxying, by the numbers of docs/correct-proxying.md: what few clients and origins do, and some mean ill by.
#include "raw_peers.hpp"

namespace fusebox::gateway {

TEST_F(proxying, line_31_a_refused_head_request_gets_no_body_either) {
    for (const char* lines : {"Host: b\r\n", "X : y\r\n", "Content-Length: x\r\n", "Expect: x\r\n"}) {
        peer& c = client();
        send(c, "HEAD / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n");
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 4")) << lines;
        EXPECT_EQ(rest(c), "") << lines;
        EXPECT_TRUE(ends(c)) << lines;
    }
}

TEST_F(proxying, line_27_a_405_says_what_is_allowed) {
    for (const char* line : {"TRACE / HTTP/1.1", "CONNECT a:80 HTTP/1.1"}) {
        const std::string h = refused(std::string(line) + "\r\nHost: a\r\n\r\n");
        EXPECT_THAT(h, StartsWith("HTTP/1.1 405")) << line;
        EXPECT_THAT(h, HasSubstr("\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n")) << line;
    }
}

TEST_F(proxying, line_18_an_https_uri_needs_tls_or_somebody_trusted_in_front) {
    EXPECT_THAT(refused("GET https://b/x HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 421"));
}

TEST_F(proxying, line_18_an_https_uri_from_a_trusted_proxy_goes_on) {
    configured.trusted_proxies = {{*parse_ip("127.0.0.0"), 104}};
    const auto asked = exchange("GET https://b/x HTTP/1.1\r\nHost: a\r\n\r\n", ok).asked;
    EXPECT_THAT(asked, StartsWith("GET /x HTTP/1.1\r\nHost: b\r\n"));
}

TEST_F(proxying, line_23_the_limit_of_a_uri_is_exact_whatever_the_method) {
    configured.limits.uri = 1000;
    for (const char* method : {"GET", "A-METHOD-WITH-A-VERY-LONG-NAME-THAT-NOBODY-KNOWS"}) {
        const auto line = [&](std::size_t size) {
            return std::string(method) + " /" + std::string(size - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
        };
        EXPECT_THAT(exchange(line(1000), ok).answered, StartsWith("HTTP/1.1 200")) << method;
        EXPECT_THAT(refused(line(1001)), StartsWith("HTTP/1.1 414")) << method;
        EXPECT_THAT(refused(line(2000)), StartsWith("HTTP/1.1 414")) << method;
    }
}

constexpr std::string_view odd_forwarding =
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Port: 1\r\nx-forwarded-prefix: /evil\r\nX-Forwarded-User: root\r\n\r\n";

TEST_F(proxying, line_26_a_stranger_cannot_say_anything_in_x_forwarded_fields) {
    const auto asked = lower(exchange(odd_forwarding, ok).asked);
    for (const char* name : {"x-forwarded-port", "x-forwarded-prefix", "x-forwarded-user"})
        EXPECT_THAT(asked, Not(HasSubstr(name)));
}

TEST_F(proxying, line_26_a_trusted_proxy_can) {
    configured.trusted_proxies = {{*parse_ip("127.0.0.0"), 104}};
    const auto asked = exchange(odd_forwarding, ok).asked;
    EXPECT_THAT(asked, HasSubstr("X-Forwarded-Port: 1\r\nx-forwarded-prefix: /evil\r\nX-Forwarded-User: root\r\n"));
}

TEST_F(proxying, line_27_more_forwards_than_can_be_counted_are_as_many_as_can) {
    const auto asked =
        exchange("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 99999999999999999999\r\n\r\n", ok).asked;
    EXPECT_THAT(asked, HasSubstr("Max-Forwards: 18446744073709551614\r\n"));
}

TEST_F(proxying, line_29_a_date_that_was_for_us_alone_is_replaced) {
    const auto answered = exchange(get,
                                   "HTTP/1.1 200 OK\r\nConnection: date\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n"
                                   "Content-Length: 0\r\n\r\n")
                              .answered;
    EXPECT_THAT(answered, HasSubstr("\r\nDate: "));
    EXPECT_THAT(answered, Not(HasSubstr("2030")));
}

TEST_F(proxying, line_11_trailers_do_not_say_what_is_for_the_hop_or_for_a_head) {
    peer& c = client();
    send(c, "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    peer& o = origin();
    head(o);
    send(o,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\n\r\n1\r\nx\r\n0\r\nX-Hop: 1\r\n"
         "Sum: 7\r\nDate: x\r\nAge: 1\r\nExpires: 0\r\nProxy-Foo: 1\r\nProxy-Status: b\r\n\r\n");
    head(c);
    EXPECT_TRUE(receives(c, "0\r\nSum: 7\r\nProxy-Status: b\r\n\r\n")) << c.got;
}

constexpr std::string_view upgrading = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";

TEST_F(proxying, line_35_a_switch_to_another_protocol_is_a_failed_upgrade) {
    route().upgrade = {"websocket"};
    for (const char* to : {"", "Upgrade: h2c\r\n", "Upgrade: websocket\r\nUpgrade: h2c\r\n", "Upgrade:\r\n"}) {
        const auto answered =
            exchange(std::string(upgrading) + "\r\n",
                     "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n" + std::string(to) + "\r\n")
                .answered;
        EXPECT_THAT(answered, StartsWith("HTTP/1.1 502")) << to;
        EXPECT_THAT(answered, HasSubstr("error=http_upgrade_failed")) << to;
    }
}

TEST_F(proxying, line_35_a_request_with_a_body_is_not_upgraded) {
    route().upgrade = {"websocket"};
    for (const char* body : {"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
        const auto e = exchange(std::string(upgrading) + body, ok);
        EXPECT_THAT(lower(e.asked), Not(HasSubstr("upgrade"))) << body;
        EXPECT_THAT(e.answered, StartsWith("HTTP/1.1 200")) << body;
    }
    EXPECT_THAT(exchange(std::string(upgrading) + "Content-Length: 0\r\n\r\n", ok).asked,
                HasSubstr("Upgrade: websocket\r\n"));
}

TEST_F(proxying, line_19_options_of_the_whole_server_goes_on) {
    EXPECT_THAT(exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", ok).asked, StartsWith("OPTIONS * HTTP/1.1\r\n"));
    EXPECT_THAT(refused("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 400"));
}

TEST_F(proxying, line_34_a_flood_of_interim_responses_waits_for_the_client) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    std::string flood;
    while (flood.size() < 1 << 20) flood += "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    constexpr std::size_t much = 64 << 20;
    std::size_t sent = 0, at = 0;
    int stuck = 0;
    until([&] {
        const ssize_t n = ::send(o.fd, flood.data() + at, flood.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        stuck = n > 0 ? 0 : stuck + 1;
        if (n > 0) sent += std::size_t(n), at = (at + std::size_t(n)) % flood.size();
        return stuck > 50 || sent > much;
    });
    EXPECT_LE(sent, std::size_t{24} << 20) << "the origin is held back";
    until([&] {
        take_in(c);
        if (at == 0) return true;
        const ssize_t n = ::send(o.fd, flood.data() + at, flood.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) at = (at + std::size_t(n)) % flood.size();
        return false;
    });
    c.got.clear();
    send(o, ok);
    EXPECT_TRUE(receives(c, "HTTP/1.1 200 OK")) << "and goes on when the client reads";
}

// A socket of IPv6 that takes IPv4 as well, as `listen: ":8080"` makes it.
TEST_F(proxying, line_26_who_comes_by_ipv4_to_a_socket_for_both_is_known_by_the_ipv4_address) {
    configured.trusted_proxies = {{*parse_ip("127.0.0.0"), 104}};
    route().rate_limit = rate_limit_configuration{.bucket = {.rate = 0.1, .burst = 1}};
    route().rate_limit->per = request_key{request_key::source::client_ip, {}};
    serve();
    ASSERT_FALSE(gateway_->server().listen(*http::socket_address::from("::", 0)));
    const auto both = *http::socket_address::from("127.0.0.1", gateway_->server().local(1).port());
    peer& c = unconnected_client();
    ASSERT_EQ(::connect(c.fd, both.get(), both.size), 0);
    send(c, get);
    peer& o = origin();
    EXPECT_THAT(head(o), HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(refused(get), StartsWith("HTTP/1.1 429")) << "to a limit, both sockets' clients are one";
}

}  // namespace fusebox::gateway
