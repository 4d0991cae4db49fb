// A worker of the gateway between a raw client and a raw origin, in one thread and on a clock of its own: what
// goes in and comes out are bytes.
#pragma once

#include "admin/admin.hpp"
#include "exchange/proxied_exchange.hpp"
#include "serving/worker.hpp"

#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fusebox::gateway {

using namespace std::chrono_literals;

class proxying : public ::testing::Test {
protected:
    // One end of a connection, non-blocking.
    struct peer {
        int fd = -1;
        std::string got;     // all that came and was not taken yet
        bool ended = false;  // the other side has closed
        bool reset = false;
    };

    proxying() {
        add_upstream("orders", origin_);
        route_configuration r;
        r.name = "all";
        r.upstream = "orders";
        r.match.path_prefix = "/";
        r.retry.reset();
        configured.routes = {r};
    }
    ~proxying() override {
        gateway_.reset();
        for (const peer& p : peers_)
            if (p.fd >= 0) ::close(p.fd);
        if (origin_ >= 0) ::close(origin_);
        if (spare_ >= 0) ::close(spare_);
    }

    // Listens on a port of the kernel's choice, which it returns.
    static std::uint16_t listen(int& listener) {
        listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const auto any = *http::socket_address::from("127.0.0.1", 0);
        EXPECT_EQ(::bind(listener, any.get(), any.size), 0);
        EXPECT_EQ(::listen(listener, 64), 0);
        http::socket_address at;
        at.size = sizeof at.storage;
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&at.storage), &at.size);
        return at.port();
    }
    // Another upstream, "spare", with an origin of its own.
    void add_spare() { add_upstream("spare", spare_); }
    peer& spare() { return accepted(spare_); }
    void close_spare() { ::close(std::exchange(spare_, -1)); }

    route_configuration& route() { return configured.routes[0]; }

    // Serves what `configured` says; by itself at the first client. A test may run further workers beside this one.
    void serve(unsigned workers = 1) {
        auto made = plan::make(configured, workers, &clock);
        ASSERT_TRUE(made) << made.error()[0].message();
        plan_ = std::move(*made);
        std::vector<socket_address> names;
        for (const auto& u : plan_->upstreams()) {
            std::vector<endpoint_spec> endpoints;
            for (const auto& e : u->configured.endpoints) {
                names.push_back(e.address);
                endpoints.push_back({text_of(e.address), text_of(e.address), e.weight});
            }
            ASSERT_TRUE(u->endpoints->assign(endpoints, clock.now()));
        }
        addresses_.look_up(names);
        gateway_ = std::make_unique<worker>(*plan_, addresses_, 0, &clock);
        ASSERT_FALSE(gateway_->server().listen(*http::socket_address::from("127.0.0.1", 0)));
    }

    peer& client() {
        peer& p = unconnected_client();
        connect(p);
        return p;
    }
    peer& unconnected_client() {
        if (!gateway_) serve();
        peer& p = peers_.emplace_back();
        p.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return p;
    }
    void connect(peer& p) {
        const auto at = gateway_->server().local();
        EXPECT_EQ(::connect(p.fd, at.get(), at.size), 0);
    }
    // The next connection that the gateway makes to the origin, or to another socket that listens.
    peer& origin() { return accepted(origin_); }
    peer& accepted(int listening) {
        peer& p = peers_.emplace_back();
        EXPECT_TRUE(until([&] { return (p.fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; }))
            << "the gateway did not connect";
        return p;
    }
    bool origin_is_asked() { return is_asked(origin_); }
    bool is_asked(int listener) {
        settle();
        pollfd p{listener, POLLIN, 0};
        return ::poll(&p, 1, 0) == 1;
    }
    void close_origin() { ::close(std::exchange(origin_, -1)); }

    void send(peer& p, std::string_view bytes) {
        ASSERT_EQ(::send(p.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
        settle();
    }
    void close(peer& p) {
        ::close(std::exchange(p.fd, -1));
        settle();
    }
    void cut(peer& p) {  // with a reset
        const linger at_once{1, 0};
        ::setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(p);
    }
    // Runs the gateway until `come`; the kernel may take its time on a busy machine.
    template <class Condition>
    bool until(Condition come) {
        bool has_come = come();
        for (int i = 0; i < 3000 && !has_come; ++i, has_come = come()) {
            gateway_->io().restart();
            gateway_->io().run_one_for(1ms);
        }
        return has_come;
    }
    void settle() {
        for (int i = 0; i < 20; ++i) {
            gateway_->io().restart();
            gateway_->io().poll();
        }
    }
    void pass(duration by) {
        settle();
        clock.advance(by);
        gateway_->loop().look_at_deadlines();
        settle();
    }
    void take_in(peer& p) {
        char buffer[65536];
        for (ssize_t n; (n = ::recv(p.fd, buffer, sizeof buffer, MSG_DONTWAIT)) >= 0 || errno == ECONNRESET;) {
            if (n <= 0) {
                p.ended = true;
                p.reset = p.reset || n < 0;
                return;
            }
            p.got.append(buffer, std::size_t(n));
        }
    }
    bool receives(peer& p, std::string_view part) {
        return until([&] {
                   take_in(p);
                   return p.got.find(part) != std::string::npos || p.ended;
               }) &&
               p.got.find(part) != std::string::npos;
    }
    bool ends(peer& p) {
        return until([&] {
            take_in(p);
            return p.ended;
        });
    }
    // Takes all up to and with the empty line; "" when it does not come.
    std::string head(peer& p) {
        if (!receives(p, "\r\n\r\n")) return {};
        const auto end = p.got.find("\r\n\r\n") + 4;
        const std::string taken = p.got.substr(0, end);
        p.got.erase(0, end);
        return taken;
    }
    std::string body(peer& p, std::size_t size) {
        until([&] {
            take_in(p);
            return p.got.size() >= size || p.ended;
        });
        const std::string taken = p.got.substr(0, size);
        p.got.erase(0, taken.size());
        return taken;
    }
    // What has come so far, without waiting.
    std::string rest(peer& p) {
        settle();
        take_in(p);
        return std::exchange(p.got, {});
    }
    static std::string lower(std::string s) {
        for (char& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        return s;
    }
    // A whole exchange: the client's request, what the origin gets of its head, and answers.
    struct exchanged {
        std::string asked, answered;
    };
    exchanged exchange(std::string_view request, std::string_view response) {
        peer& c = client();
        send(c, request);
        peer& o = origin();
        exchanged e;
        e.asked = head(o);
        send(o, response);
        e.answered = head(c);
        close(o);
        return e;
    }
    std::string refused(std::string_view request) {
        peer& c = client();
        send(c, request);
        const std::string answer = head(c);
        EXPECT_FALSE(origin_is_asked());
        return answer;
    }
    // What the admin port shows.
    template <class View>
    auto shown(View view) {
        const std::atomic<bool> draining{false};
        const health_checks none{{}, addresses_, gateway_->loop(), 1};
        return view(
            admin_sources{*plan_, draining, none, nullptr, nullptr, {{gateway_->server(), gateway_->unrouted()}}});
    }
    std::string metrics() {
        return shown([this](const admin_sources& from) { return metrics_text(from, clock.now()); });
    }
    std::string snapshot() {
        return shown([this](const admin_sources& from) { return snapshot_json(from, clock.now()); });
    }
    circuit_breaker& breaker() { return *plan_->routes()[0]->breaker; }
    const route_counts& counts() const { return plan_->routes()[0]->counts[0]; }

    configuration configured;
    fusebox::testing::manual_clock clock{1h};
    address_book addresses_;
    std::unique_ptr<plan> plan_;
    std::unique_ptr<worker> gateway_;
    int origin_ = -1;

private:
    void add_upstream(const char* name, int& listener) {
        upstream_configuration u;
        u.name = name;
        u.endpoints = {{{"127.0.0.1", listen(listener)}, 1}};
        configured.upstreams.push_back(u);
    }

    int spare_ = -1;
    std::list<peer> peers_;
};

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view broken = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

}  // namespace fusebox::gateway
