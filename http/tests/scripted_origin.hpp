// An origin on the loopback that hears whole requests and answers what a test has laid down, byte by byte, by TLS or
// not. And a client's result, waited for.
#pragma once

#include <fusebox/http/client.hpp>

#include <gtest/gtest.h>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fusebox::http {

namespace net = boost::asio;

class scripted_origin {
public:
    struct turn {
        std::string answer{};  // empty: none
        bool then_close = false;
    };

    explicit scripted_origin(net::io_context& io, net::ssl::context* tls = nullptr)
        : io_(io), tls_(tls), acceptor_(io, {net::ip::address_v4::loopback(), 0}) {
        net::co_spawn(io, accept(), net::detached);
    }

    void answers(std::string text) { script_.push_back({std::move(text), false}); }
    void answers_and_closes(std::string text) { script_.push_back({std::move(text), true}); }
    void closes() { script_.push_back({"", true}); }
    // Closes the connections that wait for their next request.
    void hangs_up() {
        for (const auto& each : resting_) each->close();
        resting_.clear();
    }

    std::string peer() const { return "127.0.0.1:" + std::to_string(port()); }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string url(const std::string& path = "/") const { return (tls_ ? "https://" : "http://") + peer() + path; }

    int connections = 0;
    std::vector<std::string> heard;  // each request, its body included

private:
    net::awaitable<void> accept() {
        for (;;) {
            auto socket = std::make_shared<net::ip::tcp::socket>(io_);
            boost::system::error_code failed;
            co_await acceptor_.async_accept(*socket, net::redirect_error(net::use_awaitable, failed));
            if (failed) co_return;
            ++connections;
            if (tls_ != nullptr) net::co_spawn(io_, serve_tls(socket), net::detached);
            else net::co_spawn(io_, serve(socket, *socket), net::detached);
        }
    }

    net::awaitable<void> serve_tls(std::shared_ptr<net::ip::tcp::socket> socket) {
        net::ssl::stream<net::ip::tcp::socket&> tls{*socket, *tls_};
        co_await tls.async_handshake(net::ssl::stream_base::server, net::use_awaitable);
        co_await serve(socket, tls);
    }

    template <class Stream>
    net::awaitable<void> serve(std::shared_ptr<net::ip::tcp::socket> socket, Stream& stream) {
        std::string in;
        for (;;) {
            resting_.push_back(socket);
            const std::size_t head =
                co_await net::async_read_until(stream, net::dynamic_buffer(in), "\r\n\r\n", net::use_awaitable);
            std::erase(resting_, socket);
            const auto length = in.find("Content-Length: ");
            const std::size_t whole = head + (length < head ? std::stoul(in.substr(length + 16)) : 0);
            if (in.size() < whole)
                co_await net::async_read(stream, net::dynamic_buffer(in), net::transfer_exactly(whole - in.size()),
                                         net::use_awaitable);
            heard.push_back(in.substr(0, whole));
            in.erase(0, whole);
            if (script_.empty()) continue;
            const turn now = std::move(script_.front());
            script_.pop_front();
            co_await net::async_write(stream, net::buffer(now.answer), net::use_awaitable);
            if (now.then_close) {
                socket->shutdown(net::ip::tcp::socket::shutdown_both);
                co_return;
            }
        }
    }

    net::io_context& io_;
    net::ssl::context* tls_;
    net::ip::tcp::acceptor acceptor_;
    std::deque<turn> script_;
    std::vector<std::shared_ptr<net::ip::tcp::socket>> resting_;
};

using outcome = std::expected<response, http_error>;

// A client that is asked from outside a coroutine.
class asking {
public:
    explicit asking(net::io_context& io, client_options options = {}) : io_(io), web(io.get_executor(), options) {}

    outcome ask(request what) {
        std::optional<outcome> got;
        net::co_spawn(io_, web.send(std::move(what)), [&](const std::exception_ptr& thrown, outcome o) {
            EXPECT_FALSE(thrown);
            got = std::move(o);
        });
        while (!got && io_.run_one() > 0) {}
        return std::move(*got);
    }
    outcome get(std::string url) { return ask(request{"GET", std::move(url)}); }
    // What failed, when it must.
    http_error failure(request what) {
        auto got = ask(std::move(what));
        EXPECT_FALSE(got.has_value());
        return got ? http_error{http_errc::bad_request, "none"} : got.error();
    }

private:
    net::io_context& io_;

public:
    client web;
};

}  // namespace fusebox::http
