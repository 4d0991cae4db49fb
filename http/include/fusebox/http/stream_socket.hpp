// A non-blocking TCP socket on a reactor: reads and writes at once what is possible, and says when more is.
//
// Thread-safety: none; the reactor's thread.
#pragma once

#include <fusebox/http/callback.hpp>
#include <fusebox/http/reactor.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include <sys/socket.h>
#include <sys/uio.h>

namespace fusebox::http {

// What came of one attempt to read or write.
struct transfer {
    enum kind_type : unsigned char {
        moved,     // `bytes` were moved, at least one
        blocked,   // not now, or not in this turn (reactor::turn): on_edge will follow
        finished,  // reading: the peer has sent all that it will send
        failed,    // the connection is broken, see `error`
    } kind = blocked;
    std::size_t bytes = 0;
    int error = 0;  // an errno
};

// Whether this errno tells of a want on this side (of memory, descriptors, ports), which says nothing of the peer.
bool is_own_trouble(int error) noexcept;

class stream_socket {
public:
    // `on_edge` is called in the reactor's rounds whenever reading, writing or the connection's end may
    // have become possible.
    stream_socket(reactor& loop, callback on_edge) noexcept : loop_(loop), watch_(on_edge) {}
    ~stream_socket() { close(); }

    // Takes over a connected, or listening, non-blocking descriptor.
    std::error_code adopt(int fd) noexcept;
    // Begins to connect; done when connected() says so, after an edge.
    std::error_code connect(const sockaddr* address, socklen_t size) noexcept;
    // Whether the connection stands: no error yet while it is still on its way.
    enum class progress : unsigned char { pending, established, failed };
    progress connecting(std::error_code& why) noexcept;

    // Whether a read would find something now, be it the end.
    bool has_bytes() noexcept;
    // Whether the reactor has an edge for this socket that it has not told yet.
    bool has_untold_edge() const noexcept { return loop_.has_untold_edge(watch_); }
    transfer read(std::span<char> into) noexcept;
    transfer write(std::span<const iovec> pieces) noexcept;

    // Has on_edge called, after the others' turns.
    void stir() { loop_.later(watch_); }
    // Whether enough was read in this turn. Then on_edge will follow, after the others' turns.
    bool turn_is_over() {
        if (!loop_.turn_is_over()) return false;
        loop_.later(watch_);
        return true;
    }

    // No more will be written (a FIN); reading goes on.
    void finish_writing() noexcept;
    void close() noexcept;
    // Closes with a reset, so that the peer cannot take what it has for the whole.
    void abort() noexcept;

    bool is_open() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }
    bool readable() const noexcept { return watch_.readable(); }
    bool writable() const noexcept { return watch_.writable(); }
    bool peer_finished() const noexcept { return watch_.peer_finished(); }
    bool gone() const noexcept { return watch_.gone(); }
    reactor& loop() const noexcept { return loop_; }

private:
    reactor& loop_;
    watch watch_;
    int fd_ = -1;
};

}  // namespace fusebox::http
