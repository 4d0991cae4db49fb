// One connection that never runs dry does not hold the others: whoever is called has a turn, and the turn ends.
#include <fusebox/http/client_connection.hpp>
#include <fusebox/http/server.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

using namespace fusebox;
using namespace fusebox::http;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

namespace {

// Reads a body to its end, and knows how much came.
struct swallower final : exchange {
    server_connection& c;
    std::size_t size = 0, parts = 0;
    body_status last = body_status::more;
    explicit swallower(server_connection& connection) : c(connection) { client_ready(); }
    void client_ready() override {
        do
            last = c.read_body([&](std::span<const iovec> some) {
                for (const iovec& p : some) size += p.iov_len, ++parts;
            });
        while (last == body_status::more);
        if (last == body_status::complete) c.answer(200, "text/plain", "whole");
        else if (last != body_status::blocked) c.fail_body();
    }
    void client_lost(loss) override {}
};

struct answering final : service {
    std::size_t served = 0, refused = 0;
    std::unique_ptr<swallower> body;
    exchange* serve(server_connection& c) override {
        ++served;
        if (!c.body_complete()) return (body = std::make_unique<swallower>(c)).get();
        c.answer(404, "text/plain", "no");
        return nullptr;
    }
    void refuse(server_connection& c, int status, std::string_view why) override {
        ++refused;
        c.answer(status, "text/plain", why);
    }
};

class turns : public ::testing::Test {
protected:
    turns() {
        loop.use(clock);
        EXPECT_FALSE(web.listen(*socket_address::from("127.0.0.1", 0)));
    }
    ~turns() override {
        for (const int fd : sockets) ::close(fd);
    }
    int client() { return client(web); }
    int client(server& of) {
        const auto before = of.accepted();
        sockets.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto at = of.local();
        EXPECT_EQ(::connect(sockets.back(), at.get(), at.size), 0);
        EXPECT_TRUE(until([&] { return of.accepted() > before; }));
        return sockets.back();
    }
    std::string ask(int fd) {
        send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        return receive(fd);
    }
    bool ends(int fd) { return receive(fd).empty(); }
    // As much of `text`, over and over, as the kernel takes.
    static std::size_t flood(int fd, std::string_view text) {
        std::string much;
        while (much.size() < 65536) much += text;
        std::size_t sent = 0;
        for (ssize_t n; (n = ::send(fd, much.data() + sent % text.size(), much.size() - text.size(),
                                    MSG_DONTWAIT | MSG_NOSIGNAL)) > 0;)
            sent += std::size_t(n);
        return sent;
    }
    static void send(int fd, std::string_view text) {
        ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
    }
    std::string receive(int fd) {
        std::string got(65536, '\0');
        ssize_t n = -1;
        until([&] { return n >= 0 || (n = ::recv(fd, got.data(), got.size(), MSG_DONTWAIT)) >= 0; });
        got.resize(n > 0 ? std::size_t(n) : 0);
        return got;
    }
    template <class Condition>
    bool until(Condition come, int rounds = 5000) {
        for (int i = 0; i < rounds && !come(); ++i) {
            io.restart();
            io.run_one_for(1ms);
        }
        return come();
    }

    boost::asio::io_context io{1};
    reactor& loop = reactor::of(io);
    fusebox::testing::manual_clock clock{1h};
    connection_memory memory;
    answering app;
    server web{loop, memory, {}, app};
    std::vector<int> sockets;
};

// Wants another turn whenever it had one.
struct insatiable {
    reactor& loop;
    int fd, far;
    int turns = 0;
    bool hungry = true;
    watch watched{on<&insatiable::edge>(this)};
    explicit insatiable(reactor& r) : loop(r) {
        int both[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both), 0);
        fd = both[0], far = both[1];
        EXPECT_FALSE(loop.add(fd, watched));
    }
    ~insatiable() {
        loop.remove(fd, watched);
        ::close(fd);
        ::close(far);
    }
    void edge() {
        ++turns;
        EXPECT_FALSE(loop.turn_is_over()) << "a turn begins anew";
        loop.spend(std::size_t{1} << 40);
        EXPECT_TRUE(loop.turn_is_over());
        if (hungry) loop.later(watched), loop.later(watched);
    }
};

struct bell {
    int times = 0;
    deadline at{on<&bell::ring>(this)};
    void ring() { ++times; }
};

}  // namespace

TEST_F(turns, who_wants_another_turn_gets_it_after_the_others_and_after_posts) {
    insatiable a{loop}, b{loop};
    until([&] { return a.turns > 10 && b.turns > 10; });
    EXPECT_NEAR(a.turns, b.turns, 1);
    bool posted = false;
    boost::asio::post(io, [&] { posted = true; });
    const int before = a.turns;
    until([&] { return posted; });
    EXPECT_LE(a.turns, before + 2) << "timers and deadlines wait in the same line as posts";
    a.hungry = b.hungry = false;
    for (int i = 0; i < 10; ++i) io.restart(), io.poll();
    const int last = a.turns;
    for (int i = 0; i < 10; ++i) io.restart(), io.poll();
    EXPECT_EQ(a.turns, last) << "nobody is called who did not ask";
}

TEST_F(turns, who_leaves_while_it_waits_for_a_turn_is_not_called) {
    insatiable stays{loop};
    auto leaves = std::make_unique<insatiable>(loop);
    until([&] { return leaves->turns > 1; });
    leaves.reset();
    const int before = stays.turns;
    EXPECT_TRUE(until([&] { return stays.turns > before + 3; }));
    stays.hungry = false;
}

TEST_F(turns, the_real_clock_s_deadlines_are_met_while_somebody_never_has_enough) {
    boost::asio::io_context real{1};
    reactor& its = reactor::of(real);
    insatiable never_full{its};
    bell b;
    its.arm_in(b.at, 12ms);
    const time_point give_up = steady_now() + 5s;
    while (b.times == 0 && steady_now() < give_up) real.run_one_for(1ms);
    EXPECT_EQ(b.times, 1);
    never_full.hungry = false;
}

TEST_F(turns, pipelined_requests_of_one_client_let_another_s_through) {
    const int greedy = client(), modest = client();
    std::string many;
    for (int i = 0; i < 400; ++i) many += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    send(greedy, many);
    send(modest, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(receive(modest), HasSubstr("404"));
    EXPECT_LT(app.served, 100u) << "the other's wait their turn";
    EXPECT_TRUE(until([&] { return app.served == 401; })) << app.served;
}

TEST_F(turns, a_body_of_tiny_chunks_that_never_ends_lets_others_through_and_goes_on_in_few_parts) {
    const int greedy = client(), modest = client();
    send(greedy, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    until([&] { return app.body != nullptr; });
    const std::size_t sent = flood(greedy, "1\r\nz\r\n");
    ASSERT_GT(sent, std::size_t{400'000});
    send(modest, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(receive(modest), HasSubstr("404"));
    EXPECT_LT(app.body->size, sent / 6 - 1) << "not all of it was read first";
    EXPECT_TRUE(until([&] { return app.body->size >= sent / 6 - 1; })) << app.body->size << " of " << sent / 6;
    EXPECT_LT(app.body->parts, app.body->size / 200);
    EXPECT_EQ(app.refused, 0u);
}

TEST_F(turns, interim_responses_without_end_are_read_a_few_at_a_time) {
    const int listening = sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    socket_address at = *socket_address::from("127.0.0.1", 0);
    ASSERT_EQ(::bind(listening, at.get(), at.size), 0);
    ASSERT_EQ(::listen(listening, 1), 0);
    ::getsockname(listening, reinterpret_cast<sockaddr*>(&at.storage), &at.size);
    struct asker {
        client_connection& c;
        bool asked = false;
        std::size_t calls = 0, interim = 0, most = 0;
        void stirred() {
            ++calls;
            if (!std::exchange(asked, true)) c.begin_request({});
            std::size_t now = 0;
            while (c.read_head() == head_status::complete && c.head().interim()) c.next_head(), ++now;
            interim += now;
            most = std::max(most, now);
        }
    };
    const head_limits limits;  // which the connection refers to
    client_connection c{loop, memory, limits};
    asker a{c};
    c.notify(on<&asker::stirred>(&a));
    ASSERT_FALSE(c.connect(at));
    const int origin = sockets.emplace_back(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    const std::size_t sent = flood(origin, "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_TRUE(until([&] { return a.interim == sent / 25; }, 100'000)) << a.interim << " of " << sent / 25;
    EXPECT_LE(a.most, 20u);
}

// -- Places ------------------------------------------------------------------------------------------

TEST_F(turns, connections_beyond_the_limit_take_the_places_of_those_idle_for_longest) {
    server small{loop, memory, {}, app, 3};
    ASSERT_FALSE(small.listen(*socket_address::from("127.0.0.1", 0)));
    const int first = client(small), second = client(small);
    EXPECT_THAT(ask(first), HasSubstr("404"));
    client(small);
    EXPECT_TRUE(ends(second)) << "idle for longest: the first has asked since";
    EXPECT_THAT(ask(first), HasSubstr("404"));
    for (int i = 0; i < 400; ++i) {  // silent, again and again
        client(small);
        EXPECT_LE(small.connections(), 3u);
    }
    EXPECT_TRUE(ends(first));
    EXPECT_THAT(ask(client(small)), HasSubstr("404")) << "silent ones hold nobody off";
    EXPECT_EQ(small.evicted(), small.accepted() - small.connections());
}

TEST_F(turns, who_begins_a_request_and_does_not_end_it_gives_way_when_nobody_is_idle) {
    server small{loop, memory, {}, app, 2};
    ASSERT_FALSE(small.listen(*socket_address::from("127.0.0.1", 0)));
    const int slow = client(small);
    send(slow, "GET /a");
    EXPECT_TRUE(until([&] { return memory.messages.in_use() == 1; }));
    send(client(small), "GET /b");
    EXPECT_TRUE(ends(slow));
    EXPECT_THAT(ask(client(small)), HasSubstr("404"));
}

TEST_F(turns, those_who_are_served_keep_their_places_and_the_next_comes_when_one_is_done) {
    server small{loop, memory, {}, app, 1};
    ASSERT_FALSE(small.listen(*socket_address::from("127.0.0.1", 0)));
    const int served = client(small);
    send(served, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    EXPECT_TRUE(until([&] { return app.body != nullptr; }));
    const int waits = sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto at = small.local();
    ASSERT_EQ(::connect(waits, at.get(), at.size), 0);
    send(waits, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    until([&] { return small.evicted() != 0; }, 20);
    EXPECT_EQ(small.evicted(), 0u);
    send(served, "ab");
    EXPECT_THAT(receive(served), HasSubstr("whole"));
    EXPECT_THAT(receive(waits), HasSubstr("404"));
}
