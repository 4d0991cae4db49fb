#include <health-check/service_host.hpp>

namespace health_check {

namespace {

constexpr auto last_moment = std::chrono::milliseconds{200};
constexpr auto look_again = std::chrono::milliseconds{2};

}  // namespace

response json_response(int status, std::string text) {
    return {status, std::move(text), "application/json"};
}

event_loop::~event_loop() {
    work_.reset();
    io_.stop();
    thread_.join();
}

server::server(event_loop& on, std::unique_ptr<fusebox::http::site> site, std::uint16_t port)
    : loop_(&on), site_(std::move(site)), port_(port) {}

std::expected<server, listen_error> server::listen(event_loop& on, const std::string& address, std::uint16_t port,
                                                   routes served) {
    std::unique_ptr<fusebox::http::site> site;
    const auto failed = on.run([&] {
        site = std::make_unique<fusebox::http::site>(on.io());
        for (auto& [path, handler] : served) site->on("GET", path, std::move(handler));
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

}  // namespace health_check
