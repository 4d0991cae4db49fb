// HTTP spoken by hand over a loopback socket, so that what the tests see owes nothing to the demos' client.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdint>
#include <string>

namespace e2e {

// A socket connected to 127.0.0.1:port, or -1 when nobody listens there.
inline int dial(std::uint16_t port) {
    const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(s, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return s;
    ::close(s);
    return -1;
}

// Sends `text` as it is, and returns all that comes back until the other side closes.
inline std::string converse(std::uint16_t port, const std::string& text) {
    const int s = dial(port);
    if (s < 0) return {};
    EXPECT_EQ(::send(s, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    std::string heard;
    char part[4096];
    for (ssize_t n; (n = ::recv(s, part, sizeof part, 0)) > 0;) heard.append(part, static_cast<std::size_t>(n));
    ::close(s);
    return heard;
}

struct answer {
    int status = 0;  // 0: nobody answered
    std::string head{};
    std::string body{};

    bool says(const std::string& text) const { return body.contains(text); }
};

inline answer parse(const std::string& heard) {
    const auto blank = heard.find("\r\n\r\n");
    if (!heard.starts_with("HTTP/1.1 ") || blank == heard.npos) return {};
    return {std::stoi(heard.substr(9, 3)), heard.substr(0, blank + 2), heard.substr(blank + 4)};
}

inline answer get(std::uint16_t port, const std::string& path, const std::string& more_headers = "") {
    return parse(converse(
        port, "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + more_headers + "\r\n"));
}

// Posts nothing, as a button does.
inline answer post(std::uint16_t port, const std::string& path) {
    return parse(converse(
        port, "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
}

}  // namespace e2e
