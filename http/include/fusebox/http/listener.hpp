// A listening TCP socket on a reactor.
//
// Out of descriptors, it answers nobody and does not spin: it takes each waiting connection with a
// descriptor kept in reserve, closes it, and so lets the peer know at once; on_shed() is called for each.
//
// Thread-safety: none; the reactor's thread. With `share_port`, several threads may each have a listener of
// their own on one port, and the kernel spreads connections over them (SO_REUSEPORT).
#pragma once

#include <fusebox/http/reactor.hpp>
#include <fusebox/http/stream_socket.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <netinet/in.h>

namespace fusebox::http {

// An IPv4 or IPv6 address and port.
struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    std::uint16_t port() const noexcept;
    // As "127.0.0.1:8080" or "[::1]:8080".
    std::string text() const;
    // The address alone, as "127.0.0.1" or "::1", written into `room`. Who comes by IPv4 to a socket of IPv6
    // (::ffff:127.0.0.1) has the IPv4 address.
    std::string_view ip(std::span<char, INET6_ADDRSTRLEN> room) const noexcept;
    friend bool operator==(const socket_address& a, const socket_address& b) noexcept;

    // From a numeric address, without brackets, and a port; nothing is looked up.
    static std::expected<socket_address, std::error_code> from(const std::string& ip, std::uint16_t port);
};

class listener {
public:
    // Called with each connection's descriptor, non-blocking, which is then the callee's, and its peer.
    using accepted = std::function<void(int fd, const socket_address& peer)>;

    listener(reactor& loop, accepted on_connection, std::function<void()> on_shed = {});
    ~listener() { close(); }

    // Binds and listens. Port 0 lets the kernel choose: see local(). An IPv6 wildcard takes IPv4 too.
    std::error_code open(const socket_address& at, bool share_port = false);
    // Takes over a descriptor that listens already, from systemd or a predecessor.
    std::error_code adopt(int fd);
    // Accepts no more; connections wait in the kernel's queue until resume(), or are reset by close().
    void pause() noexcept { paused_ = true; }
    void resume();
    // Takes whoever has connected already, or has begun to, and closes when handshake_time has passed. Who comes
    // meanwhile hears nothing, tries again, and is refused.
    void drain();
    void close() noexcept;

    bool is_open() const noexcept { return socket_.is_open(); }
    int fd() const noexcept { return socket_.fd(); }
    socket_address local() const;

private:
    // So many in a row; the others then have their turn.
    static constexpr int burst = 64;
    // What a handshake under way may need to end: more than a round trip.
    static constexpr duration handshake_time = std::chrono::milliseconds{100};

    void accept_waiting();
    void end_drain();
    bool shed_one();
    void edge() { accept_waiting(); }

    stream_socket socket_;
    accepted on_connection_;
    std::function<void()> on_shed_;
    deadline again_{on<&listener::accept_waiting>(this)};
    deadline drained_{on<&listener::end_drain>(this)};
    int reserve_ = -1;
    bool paused_ = false;
};

}  // namespace fusebox::http
