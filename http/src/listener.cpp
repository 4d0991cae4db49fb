#include <fusebox/http/listener.hpp>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace fusebox::http {

namespace {

std::error_code last_error() noexcept {
    return {errno, std::generic_category()};
}

// Takes no notice of who begins to connect from now on, so that in the end nobody is in the queue whom close() would
// reset.
void refuse_handshakes(int fd) noexcept {
    constexpr unsigned flags_at = 13, syn = 2;  // in a TCP header
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_at),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, syn, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, ~0U),
    };
    const sock_fprog program{std::size(code), code};
    ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

}  // namespace

std::uint16_t socket_address::port() const noexcept {
    // Both families have the port at the same place.
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
}

// inet_ntop writes IPv4 with sprintf, which would be a tenth of what a proxied request costs outside the kernel.
std::string_view socket_address::ip(std::span<char, INET6_ADDRSTRLEN> room) const noexcept {
    std::uint32_t four = reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr;
    if (storage.ss_family == AF_INET6) {
        const auto& six = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(&six))
            return ::inet_ntop(AF_INET6, &six, room.data(), static_cast<socklen_t>(room.size()));
        std::memcpy(&four, &six.s6_addr[12], sizeof four);
    }
    four = ntohl(four);
    char* at = room.data();
    for (int shift = 24; shift >= 0; shift -= 8) {
        at = std::to_chars(at, room.data() + room.size(), (four >> shift) & 0xFFU).ptr;
        if (shift != 0) *at++ = '.';
    }
    return {room.data(), at};
}

std::string socket_address::text() const {
    std::array<char, INET6_ADDRSTRLEN> room{};
    const std::string host{ip(room)};
    return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

bool operator==(const socket_address& a, const socket_address& b) noexcept {
    return a.size == b.size && std::memcmp(&a.storage, &b.storage, a.size) == 0;
}

std::expected<socket_address, std::error_code> socket_address::from(const std::string& ip, std::uint16_t port) {
    socket_address made;
    auto& four = reinterpret_cast<sockaddr_in&>(made.storage);
    auto& six = reinterpret_cast<sockaddr_in6&>(made.storage);
    if (::inet_pton(AF_INET, ip.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(port);
        made.size = sizeof four;
    } else if (::inet_pton(AF_INET6, ip.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(port);
        made.size = sizeof six;
    } else {
        return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    }
    return made;
}

listener::listener(reactor& loop, accepted on_connection, std::function<void()> on_shed)
    : socket_(loop, on<&listener::edge>(this)),
      on_connection_(std::move(on_connection)),
      on_shed_(std::move(on_shed)) {}

std::error_code listener::open(const socket_address& at, bool share_port) {
    const int fd = ::socket(at.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return last_error();
    const int on = 1, off = 0;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share_port) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (at.storage.ss_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (::bind(fd, at.get(), at.size) != 0 || ::listen(fd, SOMAXCONN) != 0) {
        const std::error_code failed = last_error();
        ::close(fd);
        return failed;
    }
    return adopt(fd);
}

std::error_code listener::adopt(int fd) {
    if (reserve_ < 0) reserve_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return socket_.adopt(fd);
}

void listener::resume() {
    paused_ = false;
    if (is_open()) accept_waiting();
}

void listener::drain() {
    if (!is_open()) return;
    refuse_handshakes(socket_.fd());
    accept_waiting();
    socket_.loop().arm_in(drained_, handshake_time);
}

void listener::end_drain() {
    constexpr int rounds = 64;  // of a burst each
    for (int i = 0; i < rounds && !paused_; ++i) {
        again_.disarm();
        accept_waiting();
        if (!again_.armed()) break;
    }
    close();
}

void listener::close() noexcept {
    again_.disarm();
    drained_.disarm();
    socket_.close();
    if (reserve_ >= 0) ::close(std::exchange(reserve_, -1));
}

socket_address listener::local() const {
    socket_address a;
    a.size = sizeof a.storage;
    ::getsockname(socket_.fd(), reinterpret_cast<sockaddr*>(&a.storage), &a.size);
    return a;
}

void listener::accept_waiting() {
    for (int i = 0; i < burst; ++i) {
        if (paused_ || !is_open()) return;
        socket_address peer;
        peer.size = sizeof peer.storage;
        const int fd = ::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            on_connection_(fd, peer);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) return;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (shed_one()) continue;
            break;  // not even that: later
        }
        // Else one connection failed before it was accepted: on to the next.
    }
    // There may be more, and no edge will tell.
    socket_.loop().arm_in(again_, reactor::tick);
}

// Takes a connection with the descriptor in reserve, and closes it.
bool listener::shed_one() {
    if (reserve_ < 0) return false;
    ::close(std::exchange(reserve_, -1));
    const int fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) ::close(fd);
    reserve_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && on_shed_) on_shed_();
    return fd >= 0 && reserve_ >= 0;
}

}  // namespace fusebox::http
