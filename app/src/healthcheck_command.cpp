#include "exit_code.hpp"
#include "serve_commands.hpp"

#include <fusebox/http/authority.hpp>
#include <fusebox/http/client_connection.hpp>
#include <fusebox/http/connection_pool.hpp>
#include <fusebox/http/gather.hpp>

#include <boost/asio/io_context.hpp>

#include <cstring>
#include <ostream>
#include <string>
#include <vector>

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

std::vector<http::socket_address> look_up(const std::string& host, const std::string& port) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    std::vector<http::socket_address> all;
    if (::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found) != 0) return all;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        http::socket_address& a = all.emplace_back();
        std::memcpy(&a.storage, one->ai_addr, one->ai_addrlen);
        a.size = one->ai_addrlen;
    }
    ::freeaddrinfo(found);
    return all;
}

// Asks the first of the addresses that answers at all: localhost may be ::1 first, where nobody listens. Each may take
// its share of what is left of the time. Returns the status, or 0 and why not.
int ask(const std::vector<http::socket_address>& addresses, std::string_view host, std::string_view path,
        duration within, std::string& why) {
    const time_point until = steady_now() + within;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const time_point now = steady_now();
        boost::asio::io_context io{1};
        probe p{http::reactor::of(io), host, path};
        p.start(addresses[i], now + (until - now) / static_cast<duration::rep>(addresses.size() - i));
        while (!p.ended()) io.run_one();
        if (!why.empty()) why += "; ";
        if (addresses.size() > 1) why += addresses[i].text() + ": ";
        why += p.why();
        if (p.status() != 0) return p.status();
    }
    return 0;
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
        return failed;  // 2 is not for a HEALTHCHECK to use
    }
    const auto found = look_up(std::string(authority->host), std::to_string(authority->port.value_or(80)));
    if (found.empty()) {
        err << "fusebox healthcheck: the name " << authority->host << " is not found\n";
        return failed;
    }
    std::string why;
    const auto within = std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds));
    const int status = ask(found, host, path, within, why);
    if (status >= 200 && status < 400) return ok;
    err << "fusebox healthcheck: " << url << ": " << why << '\n';
    return failed;
}

}  // namespace fusebox::app
