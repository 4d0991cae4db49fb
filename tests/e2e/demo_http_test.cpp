// The demos' HTTP engine: nobody waits for a slow request, a stop is graceful, and errors say what is wrong.
#include "socket_talk.hpp"

#include <http/client.hpp>
#include <http/server.hpp>

#include <future>
#include <latch>
#include <vector>

namespace {

using namespace std::chrono_literals;
using demo::http::client;
using demo::http::request;
using demo::http::response;
using demo::http::routes;
using demo::http::server;

server serve(routes served) {
    auto started = server::listen("127.0.0.1", 0, std::move(served));
    EXPECT_TRUE(started.has_value());
    return std::move(*started);
}

routes one(demo::http::handler h) {
    return {{"/", std::move(h)}};
}

std::string url_of(const server& s) {
    return "http://127.0.0.1:" + std::to_string(s.port());
}

// Answers only when it is let go, or when its server stops.
struct gate {
    std::promise<void> open;
    std::shared_future<void> opened = open.get_future().share();
    std::latch entered{1};

    response operator()(const request& asked) {
        entered.count_down();
        while (opened.wait_for(1ms) != std::future_status::ready && !asked.stopping.stop_requested()) {}
        return {200, "late"};
    }
};

TEST(demo_http_server, slow_requests_hold_up_nobody) {
    gate slow;
    const server s = serve({{"/slow", std::ref(slow)}, {"/", [](const request&) { return response{200, "quick"}; }}});
    auto late = std::async(std::launch::async, [&] { return e2e::get(s.port(), "/slow"); });
    slow.entered.wait();
    EXPECT_EQ(e2e::get(s.port(), "/").body, "quick");
    slow.open.set_value();
    EXPECT_EQ(late.get().body, "late");
}

TEST(demo_http_server, runs_many_requests_at_the_same_time) {
    constexpr int visitors = 32;
    std::latch all_inside{visitors};
    const server s = serve(one([&](const request&) {
        all_inside.arrive_and_wait();  // nobody leaves before the last one has come
        return response{200, "together"};
    }));
    std::vector<std::future<e2e::answer>> answers;
    for (int i = 0; i < visitors; ++i)
        answers.push_back(std::async(std::launch::async, [&] { return e2e::get(s.port(), "/"); }));
    for (auto& a : answers) EXPECT_EQ(a.get().body, "together");
    EXPECT_EQ(s.requests(), 32u);
}

TEST(demo_http_server, stops_gracefully) {
    gate slow;
    auto s = std::make_unique<server>(serve(one(std::ref(slow))));
    const auto port = s->port();
    const int idle = e2e::dial(port);
    auto under_way = std::async(std::launch::async, [&] { return e2e::get(port, "/"); });
    slow.entered.wait();
    const auto began = std::chrono::steady_clock::now();
    s.reset();  // tells the handler, and waits for it
    EXPECT_LT(std::chrono::steady_clock::now() - began, 10s) << "but not for the idle connection to time out";
    EXPECT_EQ(under_way.get().body, "late");
    char byte;
    EXPECT_EQ(::recv(idle, &byte, 1, 0), 0) << "an idle connection is closed";
    ::close(idle);
    EXPECT_EQ(e2e::dial(port), -1) << "nobody listens any more";
}

TEST(demo_http_server, can_be_started_again_on_its_port) {
    auto first = std::make_unique<server>(serve(one([](const request&) { return response{200, "first"}; })));
    const auto port = first->port();
    EXPECT_EQ(e2e::get(port, "/").body, "first");
    first.reset();
    const auto second = server::listen("127.0.0.1", port, one([](const request&) { return response{200, "second"}; }));
    ASSERT_TRUE(second.has_value()) << second.error().message;
    EXPECT_EQ(e2e::get(port, "/").body, "second");
}

TEST(demo_http_server, names_a_port_that_is_taken) {
    const server first = serve({});
    const auto second = server::listen("127.0.0.1", first.port(), {});
    ASSERT_FALSE(second.has_value());
    EXPECT_TRUE(second.error().address_in_use);
    EXPECT_EQ(second.error().message, "127.0.0.1:" + std::to_string(first.port()) + " is in use by another program");
    EXPECT_EQ(server::listen("nowhere", 0, {}).error().message, "'nowhere' is not an IP address");
}

TEST(demo_http_server, keeps_a_connection_for_the_next_request) {
    const server s = serve(one([](const request& asked) { return response{200, asked.header("x-n")}; }));
    const std::string heard = e2e::converse(s.port(),
                                            "GET / HTTP/1.1\r\nHost: t\r\nX-N: first\r\n\r\n"
                                            "GET / HTTP/1.1\r\nHost: t\r\nX-N: second\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(heard.contains("first"));
    EXPECT_TRUE(heard.ends_with("second"));
}

TEST(demo_http_server, answers_what_it_does_not_serve) {
    const server s = serve({{"/", [](const request&) { return response{200, "four"}; }},
                            {"/broken", [](const request&) -> response { throw std::runtime_error("secret"); }}});
    EXPECT_EQ(e2e::get(s.port(), "/none").status, 404);
    EXPECT_EQ(e2e::get(s.port(), "/?query=1").body, "four");
    const auto post = e2e::parse(e2e::converse(s.port(), "POST / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
    EXPECT_EQ(post.status, 405);
    EXPECT_TRUE(post.head.contains("Allow: GET, HEAD\r\n"));
    const auto head = e2e::parse(e2e::converse(s.port(), "HEAD / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"));
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.head.contains("Content-Length: 4\r\n"));
    EXPECT_EQ(head.body, "");
    const auto broken = e2e::get(s.port(), "/broken");
    EXPECT_EQ(broken.status, 500);
    EXPECT_FALSE(broken.says("secret"));
}

TEST(demo_http_server, refuses_what_is_no_request) {
    const server s = serve(one([](const request&) { return response{200, "ok"}; }));
    EXPECT_EQ(e2e::parse(e2e::converse(s.port(), "nonsense\r\n\r\n")).status, 400);
    EXPECT_EQ(e2e::parse(e2e::converse(s.port(), "GET / HTTP/1.1\r\n\r\n")).status, 400) << "no Host";
    EXPECT_EQ(e2e::parse(e2e::converse(s.port(), "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")).status, 400);
    const std::string big(9000, 'x');
    EXPECT_EQ(e2e::parse(e2e::converse(s.port(), "GET / HTTP/1.1\r\nHost: a\r\nX: " + big + "\r\n\r\n")).status, 400);
    EXPECT_EQ(s.requests(), 0u);
}

TEST(demo_http_server, does_not_take_a_strange_body_for_the_next_request) {
    const server s = serve(one([](const request&) { return response{200, "ok"}; }));
    e2e::converse(s.port(),
                  "GET / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n"
                  "GET / HTTP/1.1\r\nHost: smuggled\r\n\r\n");
    EXPECT_EQ(s.requests(), 1u);
}

TEST(demo_http_client, gives_the_response_whatever_its_status) {
    const server s = serve({{"/", [](const request&) { return response{503, "ill"}; }}});
    const auto got = client{}.get(url_of(s) + "/", 5s);
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->status, 503);
    EXPECT_EQ(got->body, "ill");
}

TEST(demo_http_client, tells_a_timeout_from_other_failures) {
    gate slow;
    std::uint16_t unused = 0;
    client c;
    {
        const server s = serve(one(std::ref(slow)));
        unused = s.port();
        const auto late = c.get(url_of(s), 50ms);
        ASSERT_FALSE(late.has_value());
        EXPECT_TRUE(late.error().timed_out);
        EXPECT_EQ(late.error().message, "no answer from 127.0.0.1:" + std::to_string(unused) + " within 0.05 s");
    }
    const auto refused = c.get("http://127.0.0.1:" + std::to_string(unused), 5s);
    ASSERT_FALSE(refused.has_value());
    EXPECT_FALSE(refused.error().timed_out);
    EXPECT_EQ(refused.error().message, "127.0.0.1:" + std::to_string(unused) + " refused the connection");
}

TEST(demo_http_client, says_which_name_does_not_resolve) {
    const std::string name(70, 'a');  // no label may be that long, so nobody is asked
    const auto got = client{}.get("http://" + name + "/", 20s);
    ASSERT_FALSE(got.has_value());
    EXPECT_FALSE(got.error().timed_out);
    EXPECT_TRUE(got.error().message.starts_with("the name " + name + " does not resolve")) << got.error().message;
}

TEST(demo_http_client, waits_no_longer_once_cancelled) {
    gate slow;
    const server s = serve(one(std::ref(slow)));
    std::stop_source stop;
    client c;
    auto waiting = std::async(std::launch::async, [&] { return c.get(url_of(s), 1h, stop.get_token()); });
    slow.entered.wait();
    stop.request_stop();
    const auto got = waiting.get();
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().message, "cancelled");
    EXPECT_EQ(c.get(url_of(s), 1h, stop.get_token()).error().message, "cancelled");
}

TEST(demo_http_client, understands_addresses_or_says_why_not) {
    const auto full = demo::http::parse_url("http://service-c:5000/health");
    ASSERT_TRUE(full.has_value());
    EXPECT_EQ(full->host, "service-c");
    EXPECT_EQ(full->port, "5000");
    EXPECT_EQ(full->target, "/health");
    EXPECT_EQ(demo::http::parse_url("http://a")->port, "80");
    EXPECT_EQ(demo::http::parse_url("http://a")->target, "/");
    EXPECT_EQ(demo::http::parse_url("http://[::1]:81/x")->host, "::1");
    EXPECT_EQ(demo::http::parse_url("http://[::1]:81/x")->port, "81");
    EXPECT_EQ(demo::http::parse_url("https://a").error(), "'https://a' must begin with http://");
    for (const char* bad : {"", "a:80", "http://", "http://:80", "http://a:", "http://a:b", "http://a:65536",
                            "http://a:0", "http://u@a", "http://a b", "http://a\r\nX: y"})
        EXPECT_FALSE(demo::http::parse_url(bad).has_value()) << bad;
}

}  // namespace
