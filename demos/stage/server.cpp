#include <stage/server.hpp>

#include <fmt/format.h>

#include <thread>
#include <utility>

namespace stage {

namespace {

constexpr auto last_moment = std::chrono::milliseconds{200};
constexpr auto look_again = std::chrono::milliseconds{2};

void add(fusebox::http::site& to, routes served) {
    for (auto& [at, handler] : served) {
        const auto blank = at.find(' ');
        to.on(at.substr(0, blank), at.substr(blank + 1), std::move(handler));
    }
}

}  // namespace

response json_response(int status, std::string text) {
    return {status, std::move(text), "application/json"};
}

response healthy() {
    return json_response(200, R"({"status":"ok"})");
}

server::server(event_loop& on, std::unique_ptr<fusebox::http::site> site, std::uint16_t port)
    : loop_(&on), site_(std::move(site)), port_(port) {}

std::expected<server, listen_error> server::listen(event_loop& on, const std::string& address, std::uint16_t port,
                                                   routes served) {
    std::unique_ptr<fusebox::http::site> site;
    const auto failed = on.run([&] {
        site = std::make_unique<fusebox::http::site>(on.io());
        add(*site, std::move(served));
        return site->listen(address, port);
    });
    if (!failed) {
        const std::uint16_t given = site->port();
        return server{on, std::move(site), given};
    }
    on.run([&] { site.reset(); });
    const bool in_use = failed == std::errc::address_in_use;
    if (failed == std::errc::invalid_argument)
        return std::unexpected(listen_error{false, "'" + address + "' is not an IP address"});
    return std::unexpected(listen_error{
        in_use, address + ":" + std::to_string(port) +
                    (in_use ? " is in use by another program" : " cannot be listened on: " + failed.message())});
}

server::~server() {
    if (!site_) return;
    loop_->run([this] { site_->drain(last_moment); });
    while (loop_->run([this] { return site_->connections() + site_->running() > 0; }))
        std::this_thread::sleep_for(look_again);
    loop_->run([this] { site_.reset(); });
}

std::uint64_t server::requests() const {
    return loop_->run([this] { return site_->requests(); });
}

server listen(event_loop& on, const command_line& line, const std::string& service, routes served) {
    const std::uint16_t port = line.port(service);
    auto started = server::listen(on, line.address, port, std::move(served));
    if (started) return std::move(*started);
    const auto& why = started.error();
    const int another = port < 60000 ? port + 1000 : port - 1000;
    const std::string remedy = why.address_in_use
                                   ? fmt::format("end that program, or move with --{}-port {}", service, another)
                                   : fmt::format("choose another with --bind or --{}-port", service);
    throw cannot_listen{fmt::format("cannot start the {}: {}; {}", service, why.message, remedy)};
}

std::string address_of(std::string host, std::uint16_t port) {
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "::") host = "::1";
    return fmt::format(fmt::runtime(host.contains(':') ? "http://[{}]:{}" : "http://{}:{}"), host, port);
}

}  // namespace stage
