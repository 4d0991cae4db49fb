// What is on its way out of a socket: written at once as far as the peer takes it, kept in blocks where not.
//
// Whoever feeds it looks at pending() and stops reading its own source while there is something: that is
// all the back-pressure there is, and it bounds what is kept to what one read had brought.
//
// Thread-safety: none; the reactor's thread.
#pragma once

#include <fusebox/http/block_pool.hpp>
#include <fusebox/http/stream_socket.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/uio.h>

namespace fusebox::http {

class send_queue {
public:
    send_queue(stream_socket& to, block_pool& pool) noexcept : to_(to), pool_(pool) {}
    ~send_queue() { reset(); }

    // Sends `pieces`, in order, behind what is pending. False when the connection is broken, see error().
    bool send(std::span<const iovec> pieces);
    // Sends what is pending as far as the socket takes it. False as above.
    bool flush();

    std::size_t pending() const noexcept { return pending_; }
    // Bytes that the kernel has taken since the last reset().
    std::uint64_t sent() const noexcept { return sent_; }
    int error() const noexcept { return error_; }

    // For the socket's next connection.
    void reset() noexcept;

private:
    // At the front of a block whose rest holds bytes.
    struct segment {
        block_pool::block memory;
        segment* next = nullptr;
        std::size_t from = sizeof(segment);
        std::size_t to = sizeof(segment);
    };
    static constexpr std::size_t most_pieces = 16;

    void keep(std::span<const iovec> pieces, std::size_t skip);
    void drop_first() noexcept;

    stream_socket& to_;
    block_pool& pool_;
    segment* first_ = nullptr;
    segment* last_ = nullptr;
    std::size_t pending_ = 0;
    std::uint64_t sent_ = 0;
    int error_ = 0;
};

}  // namespace fusebox::http
