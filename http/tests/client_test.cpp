// The client against an origin that says what the test lets it say.
#include "scripted_origin.hpp"

#include <fusebox/http/site.hpp>
#include <fusebox/http/url.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

using namespace fusebox;
using namespace fusebox::http;
using namespace std::chrono_literals;

namespace {

struct client_test : ::testing::Test {
    net::io_context io;
    scripted_origin origin{io};
    asking client{io};
    const request get{"GET", origin.url("/a?b=c")};

    std::string body_of(std::string answer) {
        origin.answers(std::move(answer));
        const auto got = client.ask(get);
        EXPECT_TRUE(got.has_value()) << got.error().message;
        return got ? got->body : "";
    }
    http_error failure_of(std::string answer) {
        origin.answers_and_closes(std::move(answer));
        return client.failure(get);
    }
};

TEST_F(client_test, sends_what_is_asked_and_gives_what_is_answered) {
    origin.answers(
        "HTTP/1.1 404 Not Found\r\nX-One: 1\r\nConnection: X-Hop\r\nX-Hop: 2\r\nContent-Length: 4\r\n\r\nnone");
    request what{"POST", origin.url("/orders?new")};
    what.set("Accept", "application/json");
    what.body = "seven";
    const auto got = client.ask(what);
    ASSERT_TRUE(got.has_value()) << got.error().message;
    EXPECT_EQ(got->status, 404);
    EXPECT_EQ(got->get("x-one"), "1");
    EXPECT_EQ(got->get("X-Hop"), "") << "is the connection's, not the message's";
    EXPECT_EQ(got->body, "none");
    EXPECT_EQ(origin.heard.at(0), "POST /orders?new HTTP/1.1\r\nHost: " + origin.peer() +
                                      "\r\nAccept: application/json\r\nContent-Length: 5\r\n\r\nseven");
}

TEST_F(client_test, reads_every_framing) {
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"),
              "abcde");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nf\r\n0\r\nX-Trailer: 1\r\n\r\n"), "f");
    EXPECT_EQ(body_of("HTTP/1.1 204 No Content\r\n\r\n"), "");
    EXPECT_EQ(body_of("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ng"), "g");
    origin.answers("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    EXPECT_EQ(client.ask(request{"HEAD", origin.url()})->get("content-length"), "99");
    EXPECT_EQ(origin.connections, 1) << "all of these end where the next begins";
    origin.answers_and_closes("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    EXPECT_EQ(client.ask(get)->body, "until the end");
    EXPECT_EQ(client.web.idle(), 0u);
}

TEST_F(client_test, keeps_no_connection_that_should_end) {
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"), "a");
    EXPECT_EQ(client.web.idle(), 0u);
    EXPECT_EQ(body_of("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nb"), "b");
    EXPECT_EQ(client.web.idle(), 0u);
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ncHTTP/1.1 200 OK\r\n"), "c");
    EXPECT_EQ(client.web.idle(), 0u) << "more than was asked for has come";
    EXPECT_EQ(origin.connections, 3);
}

TEST_F(client_test, notices_that_a_kept_connection_has_ended) {
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"), "a");
    while (client.web.idle() == 1 && origin.connections == 1 && origin.heard.size() < 2) {
        origin.hangs_up();
        EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"), "b");
    }
    EXPECT_EQ(origin.connections, 2);
}

TEST_F(client_test, asks_again_when_a_kept_connection_breaks_and_asking_twice_is_harmless) {
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
    EXPECT_EQ(body_of(ok + "a"), "a");
    origin.closes();
    EXPECT_EQ(body_of(ok + "b"), "b");
    EXPECT_EQ(origin.heard.size(), 3u);
    origin.closes();
    const auto once = client.failure(request{"POST", origin.url()});
    EXPECT_EQ(once.code, http_errc::reset);
    EXPECT_EQ(once.message, origin.peer() + " closed the connection without an answer");
    EXPECT_EQ(origin.heard.size(), 4u);
    origin.closes();
    EXPECT_EQ(client.failure(get).code, http_errc::reset) << "a new connection is not tried again";
    EXPECT_EQ(origin.heard.size(), 5u);
}

TEST_F(client_test, says_what_is_wrong_with_an_answer) {
    EXPECT_EQ(failure_of("SSH-2.0-OpenSSH\r\n\r\n").code, http_errc::malformed);
    EXPECT_EQ(failure_of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab").code,
              http_errc::malformed);
    EXPECT_EQ(failure_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n").code, http_errc::malformed);
    EXPECT_EQ(failure_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n").code,
              http_errc::malformed);
    const auto cut = failure_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_EQ(cut.code, http_errc::reset);
    EXPECT_EQ(cut.message, origin.peer() + " closed the connection in the middle of its answer");
    EXPECT_EQ(failure_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc").code, http_errc::reset);
    EXPECT_EQ(failure_of("HTTP/1.1 200 O").code, http_errc::reset);
    EXPECT_EQ(client.web.idle(), 0u);
}

TEST_F(client_test, takes_no_more_than_it_may) {
    asking careful{io, {.body_bytes = 4}};
    for (const char* framed :
         {"Content-Length: 5\r\n\r\nabcde", "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"}) {
        origin.answers(std::string("HTTP/1.1 200 OK\r\n") + framed);
        const auto why = careful.failure(get);
        EXPECT_EQ(why.code, http_errc::too_large);
        EXPECT_TRUE(why.message.contains("longer than 4 bytes")) << why.message;
    }
    origin.answers("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd");
    EXPECT_EQ(careful.ask(get)->body, "abcd");
    origin.answers("HTTP/1.1 200 OK\r\nX: " + std::string(40000, 'x') + "\r\n\r\n");
    EXPECT_EQ(careful.failure(get).code, http_errc::malformed);
}

TEST_F(client_test, says_that_nobody_is_there) {
    std::string gone;
    {
        net::io_context other;
        gone = scripted_origin{other}.peer();
    }
    const auto refused = client.failure(request{"GET", "http://" + gone});
    EXPECT_EQ(refused.code, http_errc::connect);
    EXPECT_EQ(refused.message, gone + " refused the connection");
    const std::string name(70, 'a');  // no label may be that long, so nobody is asked
    const auto unknown = client.failure(request{"GET", "http://" + name});
    EXPECT_EQ(unknown.code, http_errc::resolve);
    EXPECT_TRUE(unknown.message.starts_with("the name " + name + " does not resolve")) << unknown.message;
}

TEST_F(client_test, waits_no_longer_than_its_time) {
    asking hurried{io, {.total_time = 50ms}};
    const auto late = hurried.failure(get);  // the origin has nothing to answer
    EXPECT_EQ(late.code, http_errc::timeout);
    EXPECT_EQ(late.message, "no answer from " + origin.peer() + " within 0.05 s");

    // A listener that accepts nobody, with a full queue, lets a connection wait.
    net::ip::tcp::acceptor deaf{io, net::ip::tcp::v4()};
    deaf.bind({net::ip::address_v4::loopback(), 0});
    deaf.listen(0);
    std::vector<net::ip::tcp::socket> queue;
    for (int i = 0; i < 4; ++i) {
        queue.emplace_back(io, net::ip::tcp::v4()).native_non_blocking(true);
        const auto to = deaf.local_endpoint();
        ::connect(queue.back().native_handle(), to.data(), static_cast<socklen_t>(to.size()));
    }
    const std::string peer = "127.0.0.1:" + std::to_string(deaf.local_endpoint().port());
    asking unheard{io, {.connect_time = 50ms}};
    EXPECT_EQ(unheard.failure(request{"GET", "http://" + peer}).message, "no connection to " + peer + " within 0.05 s");
}

net::awaitable<outcome> ask_until(http::client& web, request what, bool& stop) {
    using namespace net::experimental::awaitable_operators;
    net::steady_timer poll{co_await net::this_coro::executor};
    co_await net::this_coro::reset_cancellation_state(net::enable_total_cancellation());
    auto sent = web.send(std::move(what));
    auto watch = [](net::steady_timer& t, bool& s) -> net::awaitable<void> {
        while (!s) {
            t.expires_after(1ms);
            co_await t.async_wait(net::use_awaitable);
        }
    };
    auto stopped = watch(poll, stop);
    auto both = std::move(sent) || std::move(stopped);
    auto first = co_await std::move(both);
    if (auto* got = std::get_if<0>(&first)) co_return std::move(*got);
    co_return std::unexpected(http_error{http_errc::cancelled, "the other came first"});
}

TEST_F(client_test, gives_up_when_it_is_cancelled) {
    net::cancellation_signal signal;
    std::optional<outcome> got;
    net::co_spawn(io, client.web.send(get),
                  net::bind_cancellation_slot(signal.slot(), [&](const std::exception_ptr& thrown, outcome o) {
                      EXPECT_FALSE(thrown) << "an error is a value";
                      got = std::move(o);
                  }));
    while (origin.heard.empty()) io.run_one();
    EXPECT_FALSE(got.has_value());
    signal.emit(net::cancellation_type::all);
    while (!got) io.run_one();
    EXPECT_EQ(got->error().code, http_errc::cancelled);
    EXPECT_EQ(client.web.idle(), 0u) << "its connection is closed";

    got.reset();
    bool stop = false;
    net::co_spawn(io, ask_until(client.web, get, stop),
                  [&](const std::exception_ptr&, outcome o) { got = std::move(o); });
    while (origin.heard.size() < 2) io.run_one();
    stop = true;
    while (!got) io.run_one();
    EXPECT_EQ(got->error().message, "the other came first");
}

TEST_F(client_test, refuses_to_send_what_could_be_misread) {
    const auto complaint = [&](request what) {
        const auto why = client.failure(std::move(what));
        EXPECT_EQ(why.code, http_errc::bad_request) << why.message;
        return why.message;
    };
    request split = get;
    split.set("X", "a\r\nY: b");
    EXPECT_EQ(complaint(split), "the field 'X' has a character that no field may have");
    request framed = get;
    framed.set("content-length", "5");
    EXPECT_EQ(complaint(framed), "the field content-length is written by the client itself: leave it out");
    EXPECT_TRUE(complaint(request{"GE T", origin.url()}).contains("must be one word"));
    EXPECT_TRUE(complaint(request{"GET", "ftp://a/"}).contains("must begin with http:// or https://"));
    EXPECT_EQ(origin.connections, 0);
}

TEST(url, is_understood_or_refused_with_a_sentence) {
    const auto full = url::parse("http://service-c:5000/health?deep");
    ASSERT_TRUE(full.has_value());
    EXPECT_EQ(full->host, "service-c");
    EXPECT_EQ(full->port, 5000);
    EXPECT_EQ(full->authority, "service-c:5000");
    EXPECT_EQ(full->target, "/health?deep");
    EXPECT_EQ(url::parse("http://a")->port, 80);
    EXPECT_EQ(url::parse("http://a")->target, "/");
    EXPECT_EQ(url::parse("http://a?b")->target, "/?b");
    EXPECT_EQ(url::parse("https://a/")->port, 443);
    EXPECT_EQ(url::parse("http://[::1]:81/x")->host, "::1");
    for (const char* bad : {"", "a:80", "http://", "http://:80", "http://a:", "http://a:b", "http://a:65536",
                            "http://a:0", "http://u@a", "http://a b", "http://a\r\nX: y", "http://a/#b", "HTTP://a"})
        EXPECT_FALSE(url::parse(bad).has_value()) << bad;
}

}  // namespace
