// A server's connections as a client meets them: raw bytes in, raw bytes out.
#include <fusebox/http/server.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace fusebox;
using namespace fusebox::http;
using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace {

// Answers with what it heard, by default; tests put their own service in its place.
struct echo final : service {
    std::vector<std::string> heard;
    std::function<exchange*(server_connection&)> instead;

    exchange* serve(server_connection& c) override {
        heard.emplace_back(std::string(c.request().method_text()) + " " + std::string(c.request().target()));
        if (instead) return instead(c);
        c.answer(200, "text/plain", heard.back());
        return nullptr;
    }
    void refuse(server_connection& c, int status, std::string_view why) override {
        c.answer(status, "text/plain", why);
    }
};

// Collects a request's body, and answers with it when it is whole.
struct collector final : exchange {
    server_connection& c;
    std::string body;
    std::optional<loss> lost;
    explicit collector(server_connection& connection) : c(connection) { client_ready(); }
    void client_ready() override {
        for (;;) {
            switch (c.read_body([&](std::span<const iovec> parts) {
                for (const iovec& p : parts) body.append(static_cast<const char*>(p.iov_base), p.iov_len);
            })) {
                case body_status::more: continue;
                case body_status::blocked: return;
                case body_status::complete: return c.answer(200, "text/plain", "[" + body + "]");
                default: return c.fail_body();
            }
        }
    }
    void client_lost(loss why) override { lost = why; }
};

class server_test : public ::testing::Test {
protected:
    server_test() {
        loop.use(clock);
        EXPECT_FALSE(web.listen(*socket_address::from("127.0.0.1", 0)));
    }
    ~server_test() override {
        for (int fd : clients) ::close(fd);
        settle();
    }
    int client() {
        const std::size_t before = web.accepted();
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto at = web.local();
        EXPECT_EQ(::connect(fd, at.get(), at.size), 0);
        clients.push_back(fd);
        EXPECT_TRUE(until([&] { return web.accepted() > before; }));
        return fd;
    }
    void settle() {
        for (int i = 0; i < 10; ++i) {
            io.restart();
            io.poll();
        }
    }
    // Runs the server until `come` is true; the kernel may take its time on a busy machine.
    template <class Condition>
    bool until(Condition come) {
        for (int i = 0; i < 5000 && !come(); ++i) {
            io.restart();
            io.run_one_for(1ms);
        }
        return come();
    }
    void send(int fd, std::string_view bytes) {
        ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
        settle();
    }
    // What has come so far.
    std::string receive(int fd) {
        std::string all(1 << 20, '\0');
        const ssize_t n = ::recv(fd, all.data(), all.size(), MSG_DONTWAIT);
        ended = n == 0;
        all.resize(n > 0 ? std::size_t(n) : 0);
        return all;
    }
    std::string receive_until(int fd, std::string_view end) {
        std::string all;
        until([&] { return (all += receive(fd)).ends_with(end) || ended; });
        return all;
    }
    // One response: its head, and as much body as its length says, or none if the request was HEAD.
    std::string response(int fd, bool head_only = false) {
        std::string all;
        until([&] {
            all += receive(fd);
            const auto head = all.find("\r\n\r\n"), length = all.find("Content-Length: ");
            return ended || (head != std::string::npos &&
                             (head_only || all.size() >= head + 4 + std::stoul(all.substr(length + 16))));
        });
        return all;
    }
    bool closes(int fd) {
        return until([&] { return receive(fd).empty() && ended; });
    }
    std::string ask(int fd, std::string_view bytes) {
        send(fd, bytes);
        return response(fd, bytes.starts_with("HEAD"));
    }
    // No answer yet: more of the request has to come, which the server waits for.
    void begin(int fd, std::string_view bytes) {
        send(fd, bytes);
        EXPECT_EQ(receive(fd), "");
    }
    void pass(duration by) {
        clock.advance(by);
        loop.look_at_deadlines();
        settle();
    }

    boost::asio::io_context io{1};
    reactor& loop = reactor::of(io);
    fusebox::testing::manual_clock clock{1h};
    connection_memory memory;
    echo app;
    server web{loop, memory, {}, app};
    std::vector<int> clients;
    bool ended = false;
};

}  // namespace

TEST_F(server_test, serves_one_request_after_another_on_a_connection) {
    const int c = client();
    EXPECT_THAT(ask(c, "GET /one HTTP/1.1\r\nHost: a\r\n\r\n"), EndsWith("\r\n\r\nGET /one"));
    EXPECT_EQ(memory.messages.in_use(), 0u) << "an idle connection holds no block";
    EXPECT_THAT(ask(c, "GET /two HTTP/1.1\r\nHost: a\r\n\r\n"), EndsWith("\r\n\r\nGET /two"));
    EXPECT_EQ(web.accepted(), 1u);
}

TEST_F(server_test, serves_pipelined_requests_in_order) {
    std::string many;
    for (int i = 0; i < 50; ++i) many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    const int c = client();
    send(c, many);
    const std::string all = receive_until(c, "GET /49");
    std::size_t at = 0;
    for (int i = 0; i < 50; ++i) {
        at = all.find("\r\n\r\nGET /" + std::to_string(i), at);
        ASSERT_NE(at, std::string::npos) << i;
    }
}

TEST_F(server_test, takes_a_request_byte_by_byte) {
    const int c = client();
    for (const char byte : std::string_view("GET /slow HTTP/1.1\r\nHost: a\r\n\r")) send(c, {&byte, 1});
    EXPECT_TRUE(app.heard.empty());
    EXPECT_THAT(ask(c, "\n"), EndsWith("GET /slow"));
}

TEST_F(server_test, reads_bodies_of_both_framings_and_what_follows_them) {
    std::vector<std::unique_ptr<collector>> exchanges;
    app.instead = [&](server_connection& s) -> exchange* {
        return exchanges.emplace_back(std::make_unique<collector>(s)).get();
    };
    const int c = client();
    begin(c, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    EXPECT_THAT(ask(c, "lo"), EndsWith("[hello]"));
    begin(c, "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    send(c, "2;x=y\r\nde\r\n0\r\nTrailer-Field: seen\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(receive_until(c, "[]"), HasSubstr("[abcde]"));
    EXPECT_EQ(app.heard.back(), "GET /next") << "what follows a body is the next request";
}

TEST_F(server_test, line_03_refuses_broken_framing_and_closes) {
    const int c = client();
    EXPECT_THAT(ask(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
                StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_TRUE(app.heard.empty());
    EXPECT_TRUE(closes(c));
    pass(3s);
    EXPECT_EQ(web.connections(), 0u);
}

TEST_F(server_test, refuses_a_body_that_breaks_in_the_middle) {
    std::unique_ptr<collector> e;
    app.instead = [&](server_connection& s) -> exchange* { return (e = std::make_unique<collector>(s)).get(); };
    const int c = client();
    begin(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    EXPECT_TRUE(until([&] { return e && e->body == "abc"; }));
    EXPECT_THAT(ask(c, "zz\r\n"), StartsWith("HTTP/1.1 400"));
}

TEST_F(server_test, line_47_answers_408_to_a_slow_head_and_a_slow_body) {
    const int slow_head = client();
    begin(slow_head, "GET / HT");
    EXPECT_TRUE(until([&] { return memory.messages.in_use() == 1; }));
    pass(9s);
    EXPECT_EQ(receive(slow_head), "");
    pass(2s);
    EXPECT_THAT(response(slow_head), StartsWith("HTTP/1.1 408"));

    std::unique_ptr<collector> e;
    app.instead = [&](server_connection& s) -> exchange* { return (e = std::make_unique<collector>(s)).get(); };
    const int slow_body = client();
    send(slow_body, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    EXPECT_TRUE(until([&] { return e && e->body == "hel"; }));
    pass(31s);
    EXPECT_THAT(response(slow_body), StartsWith("HTTP/1.1 408"));
    EXPECT_EQ(e->lost, exchange::loss::body_slow);
}

TEST_F(server_test, line_22_closes_behind_http_1_0_unless_asked_not_to) {
    const int c = client();
    EXPECT_THAT(ask(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), HasSubstr("Connection: keep-alive\r\n"));
    EXPECT_THAT(ask(c, "GET / HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close\r\n"));
    EXPECT_TRUE(closes(c));
}

TEST_F(server_test, line_13_sends_no_body_to_head) {
    const int c = client();
    const std::string answer = ask(c, "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr("Content-Length: 7\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(server_test, line_44_answers_a_client_that_closed_its_half) {
    const int c = client();
    const std::string_view request = "GET /half HTTP/1.1\r\nHost: a\r\n\r\n";
    ASSERT_GT(::send(c, request.data(), request.size(), 0), 0);
    ::shutdown(c, SHUT_WR);
    EXPECT_THAT(response(c), EndsWith("GET /half"));
    EXPECT_TRUE(closes(c));
    EXPECT_TRUE(until([&] { return web.connections() == 0; }));
}

TEST_F(server_test, line_45_lingers_after_an_early_answer_but_not_for_ever) {
    const int c = client();
    EXPECT_THAT(ask(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome"),
                HasSubstr("Connection: close\r\n"));
    send(c, "more that nobody reads");
    EXPECT_EQ(web.connections(), 1u) << "else a reset could overtake the answer";
    pass(3s);
    EXPECT_EQ(web.connections(), 0u);
}

TEST_F(server_test, tells_the_exchange_that_its_client_is_gone) {
    struct never final : exchange {
        std::optional<loss> lost;
        void client_ready() override {}
        void client_lost(loss why) override { lost = why; }
    } e;
    app.instead = [&](server_connection&) -> exchange* { return &e; };
    const int c = client();
    send(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(until([&] { return app.heard.size() == 1; }));
    const linger at_once{1, 0};
    ::setsockopt(c, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(c);
    clients.clear();
    EXPECT_TRUE(until([&] { return web.connections() == 0; }));
    EXPECT_EQ(e.lost, exchange::loss::client_gone);
}

TEST_F(server_test, a_client_that_reads_nothing_is_cut_off_and_its_memory_freed) {
    struct pouring final : exchange {
        server_connection& c;
        std::string part = std::string(65536, 'x');
        std::optional<loss> lost;
        explicit pouring(server_connection& connection) : c(connection) {
            c.final_response_begins();
            c.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
            client_ready();
        }
        void client_ready() override {
            while (c.unsent() == 0 && c.send(part)) {}
        }
        void client_lost(loss why) override { lost = why; }
    };
    std::unique_ptr<pouring> e;
    app.instead = [&](server_connection& s) -> exchange* { return (e = std::make_unique<pouring>(s)).get(); };
    const int c = client();
    send(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(until([&] { return memory.unsent.in_use() > 0; }));
    EXPECT_LE(memory.unsent.in_use(), 6u) << "no more than one read brought";
    pass(31s);
    EXPECT_EQ(e->lost, exchange::loss::client_not_reading);
    EXPECT_EQ(memory.unsent.in_use(), 0u);
    EXPECT_EQ(web.connections(), 0u);
}

TEST_F(server_test, drains_without_dropping_a_request_that_is_on_its_way) {
    std::unique_ptr<collector> e;
    app.instead = [&](server_connection& s) -> exchange* { return (e = std::make_unique<collector>(s)).get(); };
    const int busy = client();
    send(busy, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    EXPECT_TRUE(until([&] { return e && e->body == "hel"; }));
    const int idle = client();
    web.drain();
    app.instead = nullptr;
    EXPECT_THAT(ask(idle, "GET /still HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(ask(busy, "lo"), HasSubstr("Connection: close\r\n"));
    ::shutdown(idle, SHUT_WR);
    ::shutdown(busy, SHUT_WR);
    EXPECT_TRUE(until([&] { return web.connections() == 0; }));
}

TEST_F(server_test, a_drain_lets_in_who_has_connected_and_nobody_after) {
    const auto at = web.local();
    const auto begin_to_connect = [&] {
        clients.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        ::connect(clients.back(), at.get(), at.size);
        return clients.back();
    };
    const auto has_heard = [](int fd) {
        pollfd p{fd, POLLOUT, 0};
        return ::poll(&p, 1, 0) == 1;
    };
    const int waiting = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    clients.push_back(waiting);
    ASSERT_EQ(::connect(waiting, at.get(), at.size), 0);  // in the kernel's queue
    web.drain();
    const int late = begin_to_connect();
    EXPECT_THAT(ask(waiting, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("Connection: close\r\n"));
    ::shutdown(waiting, SHUT_WR);
    EXPECT_TRUE(until([&] { return web.connections() == 0; }));
    EXPECT_EQ(web.accepted(), 1u);
    EXPECT_FALSE(has_heard(late)) << "neither let in nor refused";
    EXPECT_FALSE(web.drained()) << "a handshake may be under way";
    pass(101ms);
    EXPECT_TRUE(web.drained());
    const int refused = begin_to_connect();
    EXPECT_TRUE(until([&] { return has_heard(refused); }));
    int why = 0;
    socklen_t size = sizeof why;
    ::getsockopt(refused, SOL_SOCKET, SO_ERROR, &why, &size);
    EXPECT_EQ(why, ECONNREFUSED);
}

TEST_F(server_test, closes_idle_connections_in_time) {
    const int c = client();
    ask(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    pass(74s);
    EXPECT_EQ(web.connections(), 1u);
    pass(2s);
    EXPECT_EQ(web.connections(), 0u);
}
