#include <fusebox/gateway/engine.hpp>

#include "admin/admin.hpp"
#include "endpoints/address_book.hpp"
#include "endpoints/health_checks.hpp"
#include "exchange/proxied_exchange.hpp"
#include "plan/plan.hpp"
#include "serving/worker.hpp"
#include "telemetry/event_log.hpp"
#include "telemetry/state_history.hpp"

#include <fusebox/random.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <sched.h>
#include <unistd.h>

namespace fusebox::gateway {

namespace {

constexpr duration look_up_again = std::chrono::seconds{30};
// That the traffic leaves to the admin port, the checks of endpoints and the look-up of names.
constexpr int spare_descriptors = 32;

unsigned usable_processors() {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return std::max(1u, std::thread::hardware_concurrency());
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&allowed)));
}

// Whether nobody listens there, by listening for a moment.
std::error_code test_bind(const http::socket_address& at) {
    boost::asio::io_context io{1};
    http::listener alone{http::reactor::of(io), [](int fd, const auto&) { ::close(fd); }};
    const auto failed = alone.open(at);
    return failed == std::errc::address_in_use ? failed : std::error_code{};
}

bool has_no_such_family(std::error_code e) {
    return e == std::errc::address_family_not_supported || e == std::errc::address_not_available;
}

// Listens there by `open`, which takes an address of IP and a port, and may write the port that it chose for 0.
// localhost is two addresses, and so is every address of the machine where one socket cannot take both families.
template <class Open>
std::error_code listen_by(const socket_address& at, std::uint16_t& port, Open open) {
    port = at.port;
    if (at.host.empty()) {
        const std::error_code failed = open("::", port);
        return has_no_such_family(failed) ? open("0.0.0.0", port) : failed;
    }
    if (at.host != "localhost") return open(at.host, port);
    if (const std::error_code failed = open("127.0.0.1", port)) return failed;
    const std::error_code failed = open("::1", port);
    return has_no_such_family(failed) ? std::error_code{} : failed;
}

std::string cannot_listen(const socket_address& at, std::error_code why, std::string_view cure) {
    return "cannot listen on " + text_of(at) + ": " + why.message() + ". " + std::string(cure);
}

std::vector<health_checks::checked> checked_of(const plan& serves) {
    std::vector<health_checks::checked> all;
    for (const auto& u : serves.upstreams())
        if (u->configured.health_check) all.push_back({u->configured, *u->endpoints});
    return all;
}

}  // namespace

// The thread that serves nobody's requests: the admin port, the checks of the endpoints, and the time of their health.
class keeper {
public:
    keeper(const plan& serves, const address_book& addresses, const access_log* requests, const state_history& history,
           std::vector<served_clients> clients)
        : plan_(serves),
          checks_(checked_of(serves), addresses, loop_, fresh_seed()),
          views_({serves, draining_, checks_, requests, &history, std::move(clients)}) {}

    http::server& server() noexcept { return server_; }
    void start() {
        thread_ = std::jthread([this] {
            refresh();
            const auto until_stopped = boost::asio::make_work_guard(io_);
            io_.run();
        });
    }
    void drain() noexcept { draining_ = true; }
    void stop() {
        if (!thread_.joinable()) return;
        io_.stop();
        thread_.join();
    }

private:
    // An ejection does not wake this thread: it is looked for.
    static constexpr duration look_again = std::chrono::milliseconds{100};

    void refresh() {
        for (const auto& u : plan_.upstreams()) u->endpoints->refresh(loop_.now());
        loop_.arm_in(timer_, look_again);
    }

    const plan& plan_;
    std::atomic<bool> draining_{false};
    boost::asio::io_context io_{1};
    http::reactor& loop_ = http::reactor::of(io_);
    http::connection_memory memory_;
    health_checks checks_;
    admin views_;
    http::server server_{loop_, memory_, {}, views_, 128};
    http::deadline timer_{http::on<&keeper::refresh>(this)};
    std::jthread thread_;
};

struct engine::state {
    std::unique_ptr<plan> serves;
    address_book addresses;
    std::unique_ptr<event_log> events;
    std::unique_ptr<state_history> history;
    std::unique_ptr<access_log> requests;  // null when none is wanted; outlives the workers
    std::vector<socket_address> names;     // of all endpoints
    std::vector<std::string> unknown;
    std::vector<std::unique_ptr<worker>> workers;
    std::vector<std::uint16_t> ports;
    std::uint16_t admin_port = 0;
    std::unique_ptr<keeper> kept;

    std::mutex mutex;
    std::condition_variable_any ends;
    std::jthread looking_up;
    std::vector<std::jthread> threads;

    std::optional<std::string> begin_logs();
    std::optional<std::string> listen();
    std::optional<std::string> listen_for_admin();
    void look_up_now_and_then(const std::stop_token& stop);
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
        if (s.addresses.find(text_of(name)).empty()) s.unknown.push_back(text_of(name));
    for (auto& w : s.workers) http::reactor::of(w->io()).spare_descriptors(spare_descriptors);
    if (auto failed = s.begin_logs()) return failed;
    if (auto failed = s.listen()) return failed;
    if (auto failed = s.listen_for_admin()) return failed;
    for (auto& w : s.workers)
        s.threads.emplace_back([&io = w->io()] {
            const auto until_stopped = boost::asio::make_work_guard(io);
            io.run();
        });
    s.kept->start();
    s.looking_up = std::jthread([&s](const std::stop_token& stop) { s.look_up_now_and_then(stop); });
    return std::nullopt;
}

std::optional<std::string> engine::state::begin_logs() {
    const configuration& c = serves->configured();
    events = std::make_unique<event_log>(std::move(*log_output::open("stderr")), c.log_level);
    history = std::make_unique<state_history>(*serves, events.get(), steady_now());
    if (c.access_log.empty()) return std::nullopt;
    auto to = log_output::open(c.access_log);
    if (!to) return to.error();
    requests = std::make_unique<access_log>(std::move(*to), static_cast<unsigned>(workers.size()));
    for (auto& w : workers) w->log_to(*requests);
    return std::nullopt;
}

std::optional<std::string> engine::state::listen() {
    std::size_t listeners = 0;  // of each worker
    const auto open = [&](const std::string& ip, std::uint16_t& port) -> std::error_code {
        auto address = http::socket_address::from(ip, port);
        if (!address) return address.error();
        // With a port that is shared between threads, the kernel would share it with another process of ours, too.
        if (const auto taken = port == 0 ? std::error_code{} : test_bind(*address)) return taken;
        for (auto& w : workers) {
            if (const auto failed = w->server().listen(*address, workers.size() > 1)) return failed;
            if (port != 0) continue;
            port = w->server().local(listeners).port();
            address = http::socket_address::from(ip, port);
        }
        ++listeners;
        return {};
    };
    for (const socket_address& at : serves->configured().listen)
        if (const auto failed = listen_by(at, ports.emplace_back(), open))
            return cannot_listen(at, failed, "Choose another address by `listen:` or --listen");
    return std::nullopt;
}

std::optional<std::string> engine::state::listen_for_admin() {
    std::vector<served_clients> all;
    for (const auto& w : workers) all.push_back({w->server(), w->unrouted()});
    kept = std::make_unique<keeper>(*serves, addresses, requests.get(), *history, std::move(all));
    const auto open = [&, listeners = std::size_t{0}](const std::string& ip, std::uint16_t& port) mutable {
        const auto address = http::socket_address::from(ip, port);
        if (!address) return address.error();
        if (const auto failed = kept->server().listen(*address)) return failed;
        port = kept->server().local(listeners++).port();
        return std::error_code{};
    };
    const socket_address& at = serves->configured().admin.listen;
    if (const auto failed = listen_by(at, admin_port, open))
        return cannot_listen(at, failed, "Choose another address for the admin port by `admin:` or --admin");
    return std::nullopt;
}

void engine::state::look_up_now_and_then(const std::stop_token& stop) {
    std::unique_lock hold(mutex);
    while (!ends.wait_for(hold, stop, look_up_again, [] { return false; }) && !stop.stop_requested())
        addresses.look_up(names);
}

void engine::stop() {
    state& s = *state_;
    if (s.threads.empty()) return;
    s.kept->drain();  // readiness fails first
    std::this_thread::sleep_for(s.serves->configured().shutdown_delay);
    for (auto& w : s.workers) boost::asio::post(w->io(), [&w = *w] { w.drain(w.serves().configured().drain_timeout); });
    s.threads.clear();  // joins
    s.looking_up = {};
    s.kept->stop();
}

void engine::reopen_logs() {
    if (state_->requests) state_->requests->reopen();
}

std::uint16_t engine::port(std::size_t i) const {
    return state_->ports.at(i);
}

const std::vector<std::string>& engine::unknown_endpoints() const noexcept {
    return state_->unknown;
}

std::uint16_t engine::admin_port() const {
    return state_->admin_port;
}

}  // namespace fusebox::gateway
