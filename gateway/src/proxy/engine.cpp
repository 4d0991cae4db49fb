#include <fusebox/gateway/engine.hpp>

#include "address_book.hpp"
#include "plan.hpp"
#include "proxied_exchange.hpp"
#include "worker.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <sched.h>

namespace fusebox::gateway {

namespace {

constexpr duration look_up_again = std::chrono::seconds{30};

unsigned usable_processors() {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return std::max(1u, std::thread::hardware_concurrency());
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&allowed)));
}

}  // namespace

struct engine::state {
    std::unique_ptr<plan> serves;
    address_book addresses;
    std::vector<socket_address> names;  // of all endpoints
    std::vector<std::string> unknown;
    std::vector<std::unique_ptr<worker>> workers;
    std::vector<std::jthread> threads;
    std::vector<std::uint16_t> ports;

    std::mutex mutex;
    std::condition_variable_any changed;
    std::jthread keeper;

    std::optional<std::string> listen();
    void keep(const std::stop_token& stop);
};

std::expected<std::unique_ptr<engine>, std::vector<config_error>> engine::make(const configuration& c,
                                                                               engine_options options) {
    const unsigned workers = options.workers != 0 ? options.workers : usable_processors();
    auto serves = plan::make(c, workers, nullptr);
    if (!serves) return std::unexpected(std::move(serves.error()));
    auto s = std::make_unique<state>();
    s->serves = std::move(*serves);
    for (const auto& u : s->serves->upstreams()) {
        std::vector<endpoint_spec> endpoints;
        for (const endpoint_configuration& e : u->configured.endpoints) {
            s->names.push_back(e.address);
            endpoints.push_back({text_of(e.address), text_of(e.address), e.weight});
        }
        if (auto done = u->endpoints->assign(endpoints, steady_now()); !done)
            return std::unexpected(std::vector{done.error()});
    }
    for (unsigned i = 0; i < workers; ++i)
        s->workers.push_back(std::make_unique<worker>(*s->serves, s->addresses, i, nullptr));
    return std::unique_ptr<engine>{new engine{std::move(s)}};
}

engine::engine(std::unique_ptr<state> s) : state_(std::move(s)) {}

engine::~engine() {
    stop();
}

std::optional<std::string> engine::start() {
    state& s = *state_;
    s.addresses.look_up(s.names);
    for (const socket_address& name : s.names)
        if (!s.addresses.find(text_of(name))) s.unknown.push_back(text_of(name));
    if (auto failed = s.listen()) return failed;
    for (auto& w : s.workers)
        s.threads.emplace_back([&io = w->io()] {
            const auto until_stopped = boost::asio::make_work_guard(io);
            io.run();
        });
    s.keeper = std::jthread([&s](const std::stop_token& stop) { s.keep(stop); });
    return std::nullopt;
}

std::optional<std::string> engine::state::listen() {
    for (socket_address at : serves->configured().listen) {
        if (at.host.empty()) at.host = "::";
        auto address = http::socket_address::from(at.host, at.port);
        if (!address) return "cannot listen on " + text_of(at) + ": the host must be an IP address of this machine";
        for (auto& w : workers) {
            auto failed = w->server().listen(*address, workers.size() > 1);
            if (failed && at.host == "::") {  // a machine without IPv6
                address = http::socket_address::from("0.0.0.0", at.port);
                failed = w->server().listen(*address, workers.size() > 1);
            }
            if (failed) return "cannot listen on " + text_of(at) + ": " + failed.message();
            if (at.port == 0) {
                at.port = w->server().local(ports.size()).port();
                address = http::socket_address::from(at.host, at.port);
            }
        }
        ports.push_back(at.port);
    }
    return std::nullopt;
}

// Lets time do what is due at the endpoints, and looks names up now and then.
void engine::state::keep(const std::stop_token& stop) {
    time_point look_up_at = steady_now() + look_up_again;
    while (!stop.stop_requested()) {
        const time_point now = steady_now();
        time_point next = look_up_at;
        for (const auto& u : serves->upstreams()) next = std::min(next, u->endpoints->refresh(now));
        // An ejection does not wake this thread: it is looked for.
        next = std::min(next, now + std::chrono::milliseconds{100});
        if (now >= look_up_at) {
            addresses.look_up(names);
            look_up_at = steady_now() + look_up_again;
        }
        std::unique_lock hold(mutex);
        changed.wait_until(hold, stop, next, [] { return false; });
    }
}

void engine::stop() {
    state& s = *state_;
    if (s.keeper.joinable()) {
        s.keeper.request_stop();
        s.keeper.join();
    }
    for (auto& w : s.workers) boost::asio::post(w->io(), [&w = *w] { w.drain(w.serves().configured().drain_timeout); });
    s.threads.clear();  // joins
}

std::uint16_t engine::port(std::size_t i) const {
    return state_->ports.at(i);
}

const std::vector<std::string>& engine::unknown_endpoints() const noexcept {
    return state_->unknown;
}

std::size_t engine::connections() const noexcept {
    std::size_t all = 0;
    for (const auto& w : state_->workers) all += w->server().connections();
    return all;
}

}  // namespace fusebox::gateway
