// The listening sockets and the connections of an HTTP/1.1 server in one thread.
//
//   server web{reactor::of(io), memory, {}, my_service};
//   if (auto failed = web.listen(address)) …
//   io.run();
//
// Places are for those who ask. When all are taken, the connection that has been idle for longest gives way to the next
// one, and then those whose request has not come as a whole; nobody is accepted only while every place is at work.
//
// To end it: drain(), and run the io_context until connections() is 0; what is left after the time that one
// wants to give it, close() or the destructor ends.
//
// Thread-safety: none, but for the counts; the reactor's thread. For several threads make a server in each, with
// share_port.
#pragma once

#include <fusebox/http/listener.hpp>
#include <fusebox/http/server_connection.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace fusebox::http {

class server final : private connection_owner {
public:
    // All must outlive the server. `most_connections` at a time, 1 or more.
    server(reactor& loop, connection_memory& memory, const connection_limits& limits, service& serves,
           std::size_t most_connections = 65536);
    ~server();

    std::error_code listen(const socket_address& at, bool share_port = false);
    // Takes over a descriptor that listens already.
    std::error_code adopt(int fd);
    // Of the listener with this number, in the order of listen().
    socket_address local(std::size_t i = 0) const { return listeners_.at(i)->local(); }

    // Accepts no more than who has begun to connect. Requests that are served, or on their way on an open connection,
    // get their responses, which say that the connection closes.
    void drain();
    // Ends all connections now.
    void close();

    // Whether a drain has come to its end: nobody is connected, and nobody can be.
    bool drained() const noexcept;
    // These four from any thread.
    std::size_t connections() const noexcept { return connections_.value(); }
    std::uint64_t accepted() const noexcept { return accepted_.value(); }
    // Connections that were closed at once because there was no descriptor for them.
    std::uint64_t shed() const noexcept { return shed_.value(); }
    // Connections that gave way to others while they asked for nothing.
    std::uint64_t evicted() const noexcept { return evicted_.value(); }

private:
    // Changed by the server's thread alone.
    class count {
    public:
        void add() noexcept { now_.store(value() + 1, std::memory_order_relaxed); }
        void subtract() noexcept { now_.store(value() - 1, std::memory_order_relaxed); }
        std::size_t value() const noexcept { return now_.load(std::memory_order_relaxed); }

    private:
        std::atomic<std::size_t> now_{0};
    };

    void accept(int fd, const socket_address& peer);
    void closed(server_connection& connection) noexcept override;
    void rested(server_connection& connection) noexcept override;
    void accept_again() noexcept;
    void put_first(server_connection& connection) noexcept;
    void take_out(server_connection& connection) noexcept;
    bool evict_one() noexcept;
    listener& add_listener();

    reactor& loop_;
    connection_memory& memory_;
    const connection_limits limits_;
    service& service_;
    const std::size_t most_connections_;
    std::vector<std::unique_ptr<listener>> listeners_;
    server_connection* first_ = nullptr;  // who came, or was answered, last
    server_connection* last_ = nullptr;
    count connections_;
    count accepted_;
    count shed_;
    count evicted_;
    std::size_t leaving_ = 0;  // evicted, and not destroyed yet
    bool full_ = false;
    bool draining_ = false;
};

}  // namespace fusebox::http
