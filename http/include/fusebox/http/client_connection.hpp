// One connection to an origin: sends a request, reads its response strictly, and is used again when both
// ended well. One request at a time; never pipelined (RFC 9112, section 9.3.2).
//
// A machine on a reactor. Its user is told that something may have changed, and looks:
//
//   connect() ─► connecting() ─► begin_request(), send() … ─► read_head() ─► read_body() … ─► reusable()
//
// Thread-safety: none; the reactor's thread.
#pragma once

#include <fusebox/http/listener.hpp>
#include <fusebox/http/message_input.hpp>
#include <fusebox/http/send_queue.hpp>

#include <cstdint>
#include <span>

namespace fusebox::http {

class connection_pool;

enum class head_status : std::uint8_t {
    blocked,   // no byte now
    complete,  // see head(); an interim response is followed by another, after next_head()
    refused,   // not HTTP, or not safe to forward: see head().error()
    closed,    // the origin closed, or the connection broke, first
};

class client_connection {
public:
    client_connection(reactor& loop, connection_memory& memory, const head_limits& limits) noexcept
        : limits_(limits),
          socket_(loop, on<&client_connection::edge>(this)),
          input_(socket_, memory),
          out_(socket_, memory.unsent) {}

    // Who is told from now on: after every edge, and when the deadline passes.
    void notify(callback user) noexcept { user_ = user; }

    std::error_code connect(const socket_address& to) noexcept { return socket_.connect(to.get(), to.size); }
    stream_socket::progress connecting(std::error_code& why) noexcept { return socket_.connecting(why); }

    // -- The request.

    void begin_request(answered_request what) noexcept {
        what_ = what;
        out_.reset();
        request_sent_ = heard_ = false;
        read_error_ = 0;
        ++requests_;
    }
    // False when the connection is broken. What the origin does not take is copied and kept: see unsent().
    bool send(std::span<const iovec> pieces) { return out_.send(pieces) || tell_of_trouble(); }
    bool flush() { return out_.flush(); }
    // What kept the request or its response from passing was a want on this side: see http::is_own_trouble().
    bool has_own_trouble() const noexcept { return is_own_trouble(out_.error()) || is_own_trouble(read_error_); }
    // All of the request has been handed to send().
    void request_complete() noexcept { request_sent_ = true; }
    bool request_completed() const noexcept { return request_sent_; }
    std::size_t unsent() const noexcept { return out_.pending(); }
    // Bytes of the request that the kernel has taken.
    std::uint64_t sent() const noexcept { return out_.sent(); }
    // How many requests were begun on this connection. Only a fresh one says something about its origin's health.
    std::uint32_t requests() const noexcept { return requests_; }

    // -- The response.

    head_status read_head();
    const response_head& head() const noexcept { return input_.head(); }
    // Why read_head() came to `refused`.
    parse_errc head_error() const noexcept { return input_.head().error(); }
    // Whether any byte of a response has come; of the next one, behind an interim response.
    bool response_begun() const noexcept { return input_.begun(); }
    // Whether the origin has said anything to this request: then it had not grown tired of the connection before.
    bool heard() const noexcept { return heard_ || input_.begun(); }
    // Behind an interim response: makes ready to read the next.
    void next_head() {
        heard_ = true;
        input_.begin_body({});
        input_.next_message();
    }
    template <class Sink>
    body_status read_body(Sink&& sink) {
        return input_.read_body(sink);
    }
    bool body_complete() const noexcept { return input_.body_complete(); }
    parse_errc body_error() const noexcept { return input_.body_error(); }
    const trailer_section* trailers() const noexcept { return input_.trailers(); }
    // Behind a 101: from here on bytes go both ways, read by read_body() until the origin closes.
    void begin_tunnel() noexcept { input_.begin_body({framing::until_close}); }
    void finish_writing() noexcept { socket_.finish_writing(); }

    // Request and response are whole, nothing came behind them, and both sides mean to go on.
    bool reusable() const noexcept {
        return request_sent_ && out_.pending() == 0 && input_.body_complete() && !input_.has_surplus() &&
               input_.head().keep_alive() && !socket_.peer_finished() && !socket_.gone();
    }

    // For how long the origin keeps the connection for another request, less a second: its response took time to
    // come here, and the next request will take some to go there. duration::max() when the response does not say.
    duration kept_by_origin() const noexcept;

    bool gone() const noexcept { return socket_.gone(); }
    bool readable() const noexcept { return socket_.readable(); }
    void close() noexcept { socket_.close(); }
    void abort() noexcept { socket_.abort(); }
    bool is_open() const noexcept { return socket_.is_open(); }
    reactor& loop() const noexcept { return socket_.loop(); }

    // The user's clock against the origin: armed and disarmed by the user; expiry is told like an edge.
    deadline timer{on<&client_connection::edge>(this)};

private:
    friend connection_pool;
    void edge() {
        if (user_.function != nullptr) user_();
    }
    // Waits for its next use, and holds nothing.
    void rest() noexcept {
        input_.drop();
        out_.reset();
    }
    void stirred_while_resting();
    // The peer does not know of it, so that no edge would come.
    bool tell_of_trouble() {
        if (is_own_trouble(out_.error())) socket_.stir();
        return false;
    }

    const head_limits& limits_;
    callback user_{};
    stream_socket socket_;
    message_input<response_head> input_;
    send_queue out_;
    answered_request what_{};
    bool request_sent_ = false;
    bool heard_ = false;
    int read_error_ = 0;
    std::uint32_t requests_ = 0;

    connection_pool* home_ = nullptr;  // in whose list it rests
    client_connection* next_ = nullptr;
    client_connection* previous_ = nullptr;
};

}  // namespace fusebox::http
