// A client of HTTP/1.1, for coroutines of Boost.Asio.
//
//   http::client web{co_await net::this_coro::executor};
//   const auto answer = co_await web.send(http::request{"GET", "https://orders.example/7"});
//   if (answer) use(answer->status, answer->body); else log(answer.error().message);
//
// An answer is an answer, whatever its status. No answer is an http_error, which says what failed and whether it
// might be the dependency's fault; nothing is thrown. Connections are kept and used again when both sides ended a
// message where they should. A kept connection that its origin has closed meanwhile is noticed; should it break
// just then, a request whose method is idempotent is sent once more, on a new connection.
//
// https:// verifies the certificate and the name in it, always; a CA of one's own is trusted by `ca_file`.
//
// Cancellation: by Asio's slots, so that pipelines' timeouts, hedges and `||` work. It is total: the connection is
// closed, and the result is http_errc::cancelled.
//
// Thread-safety: none. Everything happens on `on`, one thread or a strand, on which send() is awaited, too. The
// client may be destroyed while it sends.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/http/field_section.hpp>
#include <fusebox/http/message.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

namespace fusebox::http {

enum class http_errc : std::uint8_t {
    bad_request,  // it cannot be sent; nothing was tried
    cancelled,    // the caller gave up

    resolve,    // the name was not found
    connect,    // refused, or unreachable
    tls,        // no agreement, or a certificate that is not trusted
    timeout,    // see client_options
    reset,      // the connection ended before the response did
    malformed,  // what came is not HTTP/1.1
    too_large,  // the response, see client_options::body_bytes
};

struct http_error {
    http_errc code;
    std::string message;  // one sentence: "orders.example:80 refused the connection"
};

struct client_options {
    duration connect_time = std::chrono::seconds{5};  // to look the name up, to connect, and to agree on TLS
    duration total_time = std::chrono::seconds{30};   // from send() to the last byte of the response
    std::size_t body_bytes = 16u << 20;               // the most of a response's body
    head_limits head{};                               // the most of its head
    std::size_t idle_connections = 64;                // kept for their next use, of all origins
    duration idle_time = std::chrono::seconds{55};    // so long; shorter than origins usually wait
    std::string ca_file{};                            // PEM; empty: those that the system trusts
};

class client {
public:
    explicit client(boost::asio::any_io_executor on, client_options options = {});
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client();

    boost::asio::awaitable<std::expected<response, http_error>> send(request what);
    // The same with another total time.
    boost::asio::awaitable<std::expected<response, http_error>> send(request what, duration total_time);

    // Connections at rest.
    std::size_t idle() const noexcept;

    class state;  // shared with what is under way

private:
    std::shared_ptr<state> state_;
};

}  // namespace fusebox::http
