// What a message says about its connection: persistence, hop-by-hop fields, expectations, upgrades.
#include "reading.hpp"

namespace fusebox::http {

using enum parse_errc;

namespace {
bool stays(const std::string& request) {
    const read_request read{request};
    EXPECT_EQ(read.status, parse_status::complete) << request;
    return read.head.keep_alive();
}
}  // namespace

TEST(correct_proxying, line_22_http_1_0_closes_by_default_and_http_1_1_does_not) {
    EXPECT_TRUE(stays("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_FALSE(stays("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    EXPECT_FALSE(stays("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\n\r\n"));
    EXPECT_FALSE(stays("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_FALSE(stays("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(stays("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    EXPECT_FALSE(stays("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
}

TEST(correct_proxying, line_24_hop_by_hop_fields_are_dropped) {
    const read_request read{
        get_with("Connection: close, X-Mine, , x-other\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: X\r\n"
                 "Upgrade: websocket\r\nProxy-Connection: a\r\nProxy-Authorization: b\r\nProxy-Anything: c\r\n"
                 "Transfer-Encoding: chunked\r\nx-mine: 1\r\nX-Other: 2\r\nX-MINE: 3\r\n"
                 "Accept: d\r\nProxy-Status: e\r\nX-Mine2: f\r\nProxy: g\r\n")};
    ASSERT_EQ(read.status, parse_status::complete);
    std::string kept;
    for (std::size_t i = 0; i < read.head.count(); ++i) {
        if (!read.head.dropped(i)) kept += std::string{read.head.name(i)} + ' ';
    }
    EXPECT_EQ(kept, "Host Accept Proxy-Status X-Mine2 Proxy ");
}

TEST(correct_proxying, line_24_connection_may_not_name_what_must_reach_the_other_end) {
    for (const char* name : {"Host", "content-length", "Authorization", "X-Forwarded-For", "x-forwarded-proto",
                             "X-Forwarded-Anything", "traceparent", "tracestate", "Forwarded"}) {
        expect_refused(get_with("Connection: close, " + std::string{name} + "\r\n"), connection_names_end_to_end_field,
                       400);
        expect_refused_response(ok_with("Connection: " + std::string{name} + "\r\n"),
                                connection_names_end_to_end_field);
    }
}

TEST(correct_proxying, line_24_connection_must_be_a_list_of_bounded_length) {
    for (const char* value : {"a b", "a;b", "\"close\"", "a=b", "clos\xe9"}) {
        expect_refused(get_with("Connection: " + std::string{value} + "\r\n"), connection_malformed, 400);
    }
    std::string list = "a";
    for (int i = 1; i < 32; ++i) list += ",a";
    expect_accepted(get_with("Connection: " + list + "\r\n"), {});
    expect_refused(get_with("Connection: " + list + "\r\nConnection: b\r\n"), connection_too_long, 431);
}

TEST(correct_proxying, line_32_a_client_that_waits_for_100_is_known) {
    const auto waits = [](const char* version, const char* fields) {
        const read_request read{"POST / HTTP/" + std::string{version} + "\r\nHost: a\r\n" + fields + "\r\n"};
        EXPECT_EQ(read.status, parse_status::complete);
        return read.head.expects_continue();
    };
    EXPECT_TRUE(waits("1.1", "Expect: 100-continue\r\nContent-Length: 4\r\n"));
    EXPECT_TRUE(waits("1.1", "Transfer-Encoding: chunked\r\nexpect: 100-Continue\r\n"));
    EXPECT_FALSE(waits("1.1", "Content-Length: 4\r\n"));
    EXPECT_FALSE(waits("1.1", "Expect: 100-continue\r\n"));
    EXPECT_FALSE(waits("1.0", "Expect: 100-continue\r\nContent-Length: 4\r\n"));
}

TEST(correct_proxying, line_33_an_unknown_expectation_is_417_but_ignored_from_1_0) {
    expect_refused(post_with("Expect: 200-ok\r\n"), expectation_unknown, 417);
    expect_refused(post_with("Expect: 100-continue, x\r\n"), expectation_unknown, 417);
    expect_refused(post_with("Expect:\r\n"), expectation_unknown, 417);
    expect_accepted("POST / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n", {});
    const read_request old{"POST / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n"};
    EXPECT_TRUE(old.head.dropped(0)) << "sent on with our version, it would mean something";
}

TEST(correct_proxying, line_34_a_switch_of_protocols_is_taken_only_when_asked_for) {
    const std::string switching =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    expect_refused_response(switching, switch_not_asked);
    const read_response asked{switching, {.upgrade = true}};
    ASSERT_EQ(asked.status, parse_status::complete);
    EXPECT_TRUE(asked.head.upgrade());
    EXPECT_FALSE(asked.head.interim());
    EXPECT_EQ(asked.head.body().kind, framing::none);
    const read_response hints{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"};
    EXPECT_TRUE(hints.head.interim());
    const read_response required{
        "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"};
    EXPECT_FALSE(required.head.upgrade());
}

TEST(correct_proxying, line_35_an_upgrade_needs_both_fields_and_http_1_1) {
    const auto asks = [](const char* version, const char* fields) {
        const read_request read{"GET / HTTP/" + std::string{version} + "\r\nHost: a\r\n" + fields + "\r\n"};
        return read.head.upgrade();
    };
    EXPECT_TRUE(asks("1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"));
    EXPECT_FALSE(asks("1.1", "Upgrade: websocket\r\n"));
    EXPECT_FALSE(asks("1.1", "Connection: upgrade\r\n"));
    EXPECT_FALSE(asks("1.1", "Connection: upgrade\r\nUpgrade:\r\n"));
    EXPECT_FALSE(asks("1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
    const read_request h2c{
        get_with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n")};
    EXPECT_TRUE(h2c.head.dropped(3));
}

TEST(correct_proxying, an_upgrade_is_named_to_the_client_by_a_426) {
    const std::string fields = "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    EXPECT_FALSE(read_response("HTTP/1.1 426 Upgrade Required\r\n" + fields).head.dropped(1));
    EXPECT_TRUE(read_response("HTTP/1.1 200 OK\r\n" + fields).head.dropped(1));
}

TEST(correct_proxying, line_41_a_server_that_closes_or_speaks_1_0_is_heard) {
    const auto stays_open = [](const std::string& response) { return read_response{response}.head.keep_alive(); };
    EXPECT_TRUE(stays_open(ok_with("Content-Length: 0\r\n")));
    EXPECT_FALSE(stays_open(ok_with("Content-Length: 0\r\nConnection: close\r\n")));
    EXPECT_FALSE(stays_open("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_TRUE(stays_open("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_FALSE(stays_open("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT_TRUE(stays_open("HTTP/1.1 304 Not Modified\r\n\r\n"));
}

TEST(response_head, must_have_a_status_of_three_digits) {
    for (const char* line :
         {"HTTP/1.1 20", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 x", "HTTP/1.1 600 x", "HTTP/1.1  200 OK",
          "HTTP/1.1 2x0 OK", "HTTP/1.1", "HTTP/1.1200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK", "HTTP/1.1 +20 OK"}) {
        expect_refused_response(std::string{line} + "\r\n\r\n", status_malformed);
    }
    const read_response read{"HTTP/1.1 404 \xe4\xf6 Not\tFound\r\n\r\n"};
    ASSERT_EQ(read.status, parse_status::complete);
    EXPECT_EQ(read.head.status(), 404);
    EXPECT_EQ(read.head.reason(), "\xe4\xf6 Not\tFound");
    const read_response no_reason{"HTTP/1.1 599 \r\n\r\n"};
    EXPECT_EQ(no_reason.status, parse_status::complete);
    EXPECT_EQ(no_reason.head.reason(), "");
    const read_response no_space{"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n"};
    EXPECT_EQ(no_space.status, parse_status::complete);
    EXPECT_EQ(no_space.head.status(), 200);
    EXPECT_EQ(no_space.head.reason(), "");
    EXPECT_EQ(no_space.head.body(), (framing{framing::length, 3}));
}

}  // namespace fusebox::http
