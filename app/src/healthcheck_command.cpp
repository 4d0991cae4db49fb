#include "exit_code.hpp"
#include "serve_commands.hpp"

#include <fusebox/http/authority.hpp>
#include <fusebox/http/client_connection.hpp>
#include <fusebox/http/connection_pool.hpp>
#include <fusebox/http/gather.hpp>

#include <boost/asio/io_context.hpp>

#include <cstring>
#include <optional>
#include <ostream>

#include <netdb.h>

namespace fusebox::app {

namespace {

// One GET, driven by edges and one deadline.
class probe {
public:
    probe(http::reactor& loop, std::string_view host, std::string_view path)
        : connection_(loop, memory_, limits_),
          request_("GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) +
                   "\r\nUser-Agent: fusebox-healthcheck\r\nConnection: close\r\n\r\n") {
        connection_.notify(http::on<&probe::stirred>(this));
    }
    void start(const http::socket_address& at, time_point until) {
        connection_.loop().arm(connection_.timer, until);
        if (const auto failed = connection_.connect(at)) end(failed.message());
    }
    bool ended() const noexcept { return ended_; }
    int status() const noexcept { return status_; }
    const std::string& why() const noexcept { return why_; }

private:
    void stirred() {
        if (ended_) return;
        if (!connection_.timer.armed()) return end("no answer in time");
        if (!asked_) {
            std::error_code failed;
            const auto progress = connection_.connecting(failed);
            if (progress == http::stream_socket::progress::pending) return;
            if (progress == http::stream_socket::progress::failed) return end(failed.message());
            asked_ = true;
            const iovec all{request_.data(), request_.size()};
            connection_.begin_request({});
            (void)connection_.send({&all, 1});
        }
        for (;;) {
            switch (connection_.read_head()) {
                case http::head_status::blocked: return;
                case http::head_status::refused: return end(std::string(sentence(connection_.head_error())));
                case http::head_status::closed: return end("the connection was closed without an answer");
                case http::head_status::complete:
                    if (connection_.head().interim()) {
                        connection_.next_head();
                        continue;
                    }
                    status_ = connection_.head().status();
                    return end("status " + std::to_string(status_));
            }
        }
    }
    void end(std::string why) {
        why_ = std::move(why);
        ended_ = true;
    }

    http::head_limits limits_;
    http::connection_memory memory_{limits_};
    http::client_connection connection_;
    std::string request_;
    bool asked_ = false;
    bool ended_ = false;
    int status_ = 0;
    std::string why_;
};

std::optional<http::socket_address> look_up(const std::string& host, const std::string& port) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found) != 0) return std::nullopt;
    http::socket_address a;
    std::memcpy(&a.storage, found->ai_addr, found->ai_addrlen);
    a.size = found->ai_addrlen;
    ::freeaddrinfo(found);
    return a;
}

}  // namespace

int healthcheck(const std::string& url, double seconds, std::ostream& err) {
    constexpr std::string_view scheme = "http://";
    const std::string_view rest = std::string_view(url).substr(url.starts_with(scheme) ? scheme.size() : 0);
    const std::string_view host = rest.substr(0, rest.find('/'));
    const std::string_view path = host.size() < rest.size() ? rest.substr(host.size()) : "/";
    const auto authority = http::parse_authority(host);
    if (!url.starts_with(scheme) || !authority) {
        err << "fusebox healthcheck: \"" << url << "\" is no URL to ask; for example: http://127.0.0.1:8080/health\n";
        return wrong_usage;
    }
    const auto at = look_up(std::string(authority->host), std::to_string(authority->port.value_or(80)));
    if (!at) {
        err << "fusebox healthcheck: the name " << authority->host << " is not found\n";
        return failed;
    }
    boost::asio::io_context io{1};
    probe p{http::reactor::of(io), host, path};
    p.start(*at, steady_now() + std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds)));
    while (!p.ended()) io.run_one();
    if (p.status() >= 200 && p.status() < 400) return ok;
    err << "fusebox healthcheck: " << url << ": " << p.why() << '\n';
    return failed;
}

}  // namespace fusebox::app
