#include <fusebox/http/stream_socket.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace fusebox::http {

namespace {

// A small message is quicker put together here than piece by piece in the kernel.
ssize_t send_once(int fd, std::span<const iovec> pieces, std::size_t size) noexcept {
    std::array<char, 2048> together;
    if (size <= together.size()) {
        char* end = together.data();
        for (const iovec& piece : pieces)
            end = std::copy_n(static_cast<const char*>(piece.iov_base), piece.iov_len, end);
        return ::send(fd, together.data(), size, MSG_NOSIGNAL);
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

bool is_own_trouble(int error) noexcept {
    switch (error) {
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
        case ENOSPC:         // of watches: /proc/sys/fs/epoll/max_user_watches
        case EAGAIN:         // connect(): all local ports are in use
        case EADDRNOTAVAIL:  // the same, or no address of that family
            return true;
        default: return false;
    }
}

std::error_code stream_socket::adopt(int fd) noexcept {
    fd_ = fd;
    if (auto failed = loop_.add(fd, watch_)) {
        ::close(std::exchange(fd_, -1));
        return failed;
    }
    return {};
}

std::error_code stream_socket::connect(const sockaddr* address, socklen_t size) noexcept {
    const int fd = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return {errno, std::generic_category()};
    if (address->sa_family != AF_UNIX) {
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (::connect(fd, address, size) != 0 && errno != EINPROGRESS) {
        const std::error_code failed{errno, std::generic_category()};
        ::close(fd);
        return failed;
    }
    return adopt(fd);
}

stream_socket::progress stream_socket::connecting(std::error_code& why) noexcept {
    if (!watch_.writable() && !watch_.gone()) return progress::pending;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error == 0) return progress::established;
    why = {error, std::generic_category()};
    return progress::failed;
}

bool stream_socket::has_bytes() noexcept {
    char byte;
    if (::recv(fd_, &byte, 1, MSG_PEEK) >= 0) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return true;  // a read would find the error
    watch_.used_up_reading();
    return false;
}

transfer stream_socket::read(std::span<char> into) noexcept {
    constexpr std::size_t price_of_call = 1024;
    if (turn_is_over()) return {transfer::blocked};
    for (;;) {
        const ssize_t n = ::recv(fd_, into.data(), into.size(), 0);
        if (n > 0) {
            loop_.spend(price_of_call + static_cast<std::size_t>(n));
            // A short read took all there was; only the peer's end may still lie behind it.
            if (static_cast<std::size_t>(n) < into.size() && !watch_.peer_finished()) watch_.used_up_reading();
            return {transfer::moved, static_cast<std::size_t>(n)};
        }
        if (n == 0) return {transfer::finished};
        if (errno == EINTR) continue;
        watch_.used_up_reading();
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {transfer::blocked};
        return {transfer::failed, 0, errno};
    }
}

transfer stream_socket::write(std::span<const iovec> pieces) noexcept {
    std::size_t wanted = 0;
    for (const iovec& piece : pieces) wanted += piece.iov_len;
    for (;;) {
        const ssize_t n = send_once(fd_, pieces, wanted);
        if (n >= 0) {
            if (static_cast<std::size_t>(n) < wanted) watch_.used_up_writing();
            return {transfer::moved, static_cast<std::size_t>(n)};
        }
        if (errno == EINTR) continue;
        watch_.used_up_writing();
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {transfer::blocked};
        return {transfer::failed, 0, errno};
    }
}

void stream_socket::finish_writing() noexcept {
    if (fd_ >= 0) ::shutdown(fd_, SHUT_WR);
}

void stream_socket::close() noexcept {
    if (fd_ < 0) return;
    loop_.remove(fd_, watch_);
    ::close(std::exchange(fd_, -1));
}

void stream_socket::abort() noexcept {
    if (fd_ < 0) return;
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

}  // namespace fusebox::http
