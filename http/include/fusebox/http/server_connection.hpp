// One connection of an HTTP/1.1 server: reads requests strictly, one after the other, hands each to a service,
// and sends what the service's exchange answers. A machine on a reactor; no thread and no coroutine waits in it.
//
//   idle ─► reading a head ─► serving ─► (flushing) ─► idle
//                 └ refused ──────┴──► lingering ─► closed
//
// Pipelined requests are served in order, one at a time. After an answer that leaves unread bytes behind, the
// connection lingers: it reads and discards for a bounded time, so that a reset does not overtake the answer.
//
// Thread-safety: none; the reactor's thread.
#pragma once

#include <fusebox/http/listener.hpp>
#include <fusebox/http/message_input.hpp>
#include <fusebox/http/send_queue.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace fusebox::http {

struct connection_limits {
    head_limits head{};
    duration idle = std::chrono::seconds{75};         // between two requests
    duration head_time = std::chrono::seconds{10};    // from a request's first byte to the end of its head; else 408
    duration body_pause = std::chrono::seconds{30};   // between two reads of a body that is wanted; else 408
    duration write_pause = std::chrono::seconds{30};  // in which the client takes nothing of what is sent
    duration linger = std::chrono::seconds{2};        // after an early answer
    std::uint32_t linger_bytes = 262144;
};

class server_connection;

// Serves one request. Ends with server_connection::response_complete() or abort(), or is told that it is lost.
class exchange {
public:
    enum class loss : unsigned char {
        client_gone,         // reset
        body_slow,           // limits.body_pause went by
        client_not_reading,  // limits.write_pause went by
        shut_down,           // the server ends
    };

    // What the exchange may have waited for has come: a part of the body, or room for the response.
    virtual void client_ready() = 0;
    // The request cannot be served to its end. The last call. It may answer, where no response has begun and the
    // client is still there; else the connection does.
    virtual void client_lost(loss why) = 0;

protected:
    ~exchange() = default;
};

// What serves the requests of a server's connections.
class service {
public:
    // A request's head is complete. Answers at once, and returns null, or later, by the exchange it returns.
    virtual exchange* serve(server_connection& connection) = 0;
    // A request that cannot be read, or came too slowly: answer with `status`, by connection.answer() or so.
    virtual void refuse(server_connection& connection, int status, std::string_view why) = 0;

protected:
    ~service() = default;
};

// Whose memory a connection lies in.
class connection_owner {
public:
    // The connection has ended and may be destroyed.
    virtual void closed(server_connection& connection) noexcept = 0;
    // The connection has nothing to do, from now on.
    virtual void rested(server_connection& connection) noexcept = 0;

protected:
    ~connection_owner() = default;
};

class server_connection {
public:
    server_connection(reactor& loop, connection_memory& memory, const connection_limits& limits, service& serves,
                      connection_owner& owner, const socket_address& peer) noexcept;
    ~server_connection();

    // Takes over an accepted descriptor.
    std::error_code start(int fd);
    // Ends after the next response, or when none was asked for within limits.linger: a request that is on its
    // way already is still served.
    void drain();
    // Ends now; an exchange is told.
    void close(exchange::loss why = exchange::loss::shut_down);

    // -- The request that is served.

    const request_head& request() const noexcept { return input_.head(); }
    const socket_address& peer() const noexcept { return peer_; }
    // As message_input::read_body. After `blocked`, client_ready() follows.
    template <class Sink>
    body_status read_body(Sink&& sink) {
        const body_status s = input_.read_body(sink);
        wants_body_ = s == body_status::blocked;
        if (wants_body_ && !tunnelling_) loop_.arm_in(reading_, limits_.body_pause);
        else reading_.disarm();
        return s;
    }
    bool body_complete() const noexcept { return input_.body_complete(); }
    parse_errc body_error() const noexcept { return input_.body_error(); }
    const trailer_section* trailers() const noexcept { return input_.trailers(); }

    // -- Its response.

    // How a response with this status and body is to be framed for this client.
    struct framing_plan {
        bool body = true;         // false: none is sent, whatever the fields say
        bool chunked = false;     // in chunks; otherwise as it comes
        bool close = false;       // the connection ends behind it, and the response should say so
        bool keep_alive = false;  // it does not, and a client of HTTP/1.0 has to be told
    };
    framing_plan plan(int status, framing body) noexcept;

    // Sends bytes: heads, 1xx responses, bodies. What the client does not take is copied and kept; look at
    // unsent(). False when the connection is lost: then client_lost() follows.
    bool send(std::span<const iovec> pieces);
    bool send(std::string_view text);
    std::size_t unsent() const noexcept { return out_.pending(); }
    std::uint64_t sent() const noexcept { return out_.sent(); }
    // The response is whole. The exchange is forgotten.
    void response_complete();
    // The response cannot be completed: the client must see that. The exchange is forgotten.
    void abort();
    // read_body() came to `refused` or `truncated`: answers 400, or aborts the response. The exchange is forgotten.
    void fail_body();
    // The rest of the body is not waited for any longer: answers 408. The exchange is told, and forgotten.
    void body_late() { lose(exchange::loss::body_slow); }

    // After a 101: from here on read_body() reads what the client sends until it closes, and nobody hurries it. The
    // connection ends with response_complete().
    void begin_tunnel() noexcept {
        input_.begin_body({framing::until_close});
        tunnelling_ = close_after_ = true;
    }

    // A whole response, ours, but for its response_complete(): status line, date, content type (if not empty), length,
    // `fields` (whole lines), body.
    void send_answer(int status, std::string_view content_type, std::string_view body, std::string_view fields = {});
    // Likewise, and completes it.
    void answer(int status, std::string_view content_type, std::string_view body, std::string_view fields = {});

    // Begun: bytes of a final response have been handed to send().
    bool response_begun() const noexcept { return response_begun_; }
    // What is left of the request's body is no longer waited for, unless it is read again.
    void final_response_begins() noexcept {
        response_begun_ = true;
        reading_.disarm();
    }
    bool draining() const noexcept { return draining_; }
    reactor& loop() const noexcept { return loop_; }

private:
    friend class server;  // keeps its connections in a list
    server_connection* next_ = nullptr;
    server_connection* previous_ = nullptr;
    bool gives_way_ = false;

    enum class phase : std::uint8_t { idle, reading_head, serving, flushing, lingering, closed };

    bool is_idle() const noexcept { return phase_ == phase::idle && !input_.begun(); }
    bool is_asking() const noexcept { return phase_ == phase::reading_head; }

    void edge();
    void read_heads();
    bool read_one_head();
    void serve();
    void lose(exchange::loss why);
    void refuse(int status, std::string_view why);
    void after_response();
    void discard_body();
    void begin_linger();
    void linger();
    void finish();
    void reading_expired();
    void writing_expired();
    void told_closed();

    reactor& loop_;
    const connection_limits& limits_;
    service& service_;
    connection_owner& owner_;
    stream_socket socket_{loop_, on<&server_connection::edge>(this)};
    message_input<request_head> input_;
    send_queue out_;
    exchange* exchange_ = nullptr;
    phase phase_ = phase::idle;
    bool in_read_heads_ = false;
    bool wants_body_ = false;
    bool close_after_ = false;
    bool response_begun_ = false;
    bool draining_ = false;
    bool tunnelling_ = false;
    std::uint32_t lingered_ = 0;
    deadline reading_{on<&server_connection::reading_expired>(this)};
    deadline writing_{on<&server_connection::writing_expired>(this)};
    afterthought end_{on<&server_connection::told_closed>(this)};
    socket_address peer_;
};

// The reason phrase that a status of ours has: "Service Unavailable".
std::string_view reason_phrase(int status) noexcept;

}  // namespace fusebox::http
