// What the tests of the demos share: a loop, servers on free ports, and stand-ins for what a service calls.
#pragma once

#include "socket_talk.hpp"

#include <stage/environment.hpp>
#include <stage/server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace e2e {

using namespace std::chrono_literals;
using stage::request;
using stage::response;
using stage::routes;
using stage::server;
namespace net = boost::asio;
using json = nlohmann::json;

// Where all services of these tests live.
inline stage::event_loop& loop() {
    static stage::event_loop the_loop;
    return the_loop;
}

inline net::any_io_executor on_loop() {
    return loop().io().get_executor();
}

inline server serve(routes served, std::uint16_t port = 0) {
    auto started = server::listen(loop(), "127.0.0.1", port, std::move(served));
    if (!started) throw std::runtime_error(started.error().message);
    return std::move(*started);
}

inline std::string url_of(const server& s) {
    return "http://127.0.0.1:" + std::to_string(s.port());
}

// An address where nobody listens: that of a server which is gone.
inline std::string dead_url() {
    return url_of(serve({}));
}

// A name that no resolver needs to be asked about: no label may be that long.
inline std::string unresolvable_url() {
    return "http://" + std::string(70, 'x');
}

inline net::awaitable<void> no_pause(fusebox::duration) {
    co_return;
}

// What a handler answers, without a server.
inline response answer_of(const fusebox::http::handler& h, const request& asked) {
    if (const auto* plain = h.as_plain()) return (*plain)(asked);
    net::io_context io;
    response answer;
    net::co_spawn(io, (*h.as_coroutine())(asked),
                  [&](const std::exception_ptr&, response r) { answer = std::move(r); });
    io.run();
    return answer;
}

// Holds a handler up for as long as `held` is true.
inline net::awaitable<void> wait_while(const std::atomic<bool>& held) {
    net::steady_timer timer{co_await net::this_coro::executor};
    while (held) {
        timer.expires_after(1ms);
        co_await timer.async_wait(net::use_awaitable);
    }
}

inline stage::environment environment_of(std::map<std::string, std::string> variables) {
    return stage::environment{[variables = std::move(variables)](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    }};
}

// Stands in for a service: answers every path with what it was last told.
class stand_in {
public:
    explicit stand_in(std::vector<std::string> paths) : server_(serve(routes_for(paths))) {}

    void answers(int status, std::string body = "{}") {
        const std::lock_guard lock{mutex_};
        answer_ = response{status, std::move(body)};
    }
    std::string url() const { return url_of(server_); }
    std::uint64_t requests() const { return server_.requests(); }

private:
    routes routes_for(const std::vector<std::string>& paths) {
        routes all;
        for (const auto& path : paths) {
            const auto answer = [this](const request&) {
                const std::lock_guard lock{mutex_};
                return answer_;
            };
            all.emplace("GET " + path, answer);
        }
        return all;
    }

    std::mutex mutex_;
    response answer_{200, "{}"};
    server server_;
};

// Takes requests and keeps them, until it is told to answer, or stops.
class holding_stand_in {
public:
    explicit holding_stand_in(std::vector<std::string> paths) {
        routes all;
        for (const auto& path : paths) all.emplace("GET " + path, [this](const request&) { return hold(); });
        server_.emplace(serve(std::move(all)));
    }

    void release() { held_ = false; }
    // Waits until `n` requests have come in all.
    void await_requests(std::uint64_t n) const {
        while (server_->requests() < n) std::this_thread::yield();
    }
    std::string url() const { return url_of(*server_); }
    std::uint64_t requests() const { return server_->requests(); }

private:
    net::awaitable<response> hold() const {
        co_await wait_while(held_);
        co_return response{200, "{}"};
    }

    std::atomic<bool> held_{true};
    std::optional<server> server_;
};

}  // namespace e2e
