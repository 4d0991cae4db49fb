// Connections to one origin that wait for their next use, in one thread. Last in, first out: the one used last
// is the least likely to have been closed, and the others may grow old and go.
//
// A connection that becomes readable while it rests, or whose time is over, is closed at once, and each is looked at
// when it is taken. What remains: bytes that nobody asked for and that are still on their way when the next request
// goes out cannot be told from its answer. An origin that says
// for how long it keeps it (Keep-Alive: timeout) is believed.
//
// Thread-safety: none; the reactor's thread.
#pragma once

#include <fusebox/http/client_connection.hpp>

#include <chrono>
#include <cstddef>
#include <memory>

namespace fusebox::http {

struct pool_limits {
    std::size_t idle = 256;                         // at rest at the same time; more are closed
    duration idle_time = std::chrono::seconds{55};  // at rest; shorter than origins usually wait
};

class connection_pool {
public:
    explicit connection_pool(const pool_limits& limits) noexcept : limits_(limits) {}
    connection_pool(const connection_pool&) = delete;
    connection_pool& operator=(const connection_pool&) = delete;
    ~connection_pool() { clear(); }

    // One that rests, or null.
    std::unique_ptr<client_connection> take() noexcept;
    // Takes a connection that is reusable(); closes any other.
    void give(std::unique_ptr<client_connection> c) noexcept;
    void clear() noexcept;

    std::size_t idle() const noexcept { return count_; }

private:
    friend client_connection;
    void unlink(client_connection& c) noexcept;
    void discard(client_connection& c) noexcept;

    const pool_limits& limits_;
    client_connection* newest_ = nullptr;
    client_connection* oldest_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace fusebox::http
