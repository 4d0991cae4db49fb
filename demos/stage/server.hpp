// A service of a demo, listening: handlers by method and path.
#pragma once

#include <stage/command_line.hpp>
#include <stage/event_loop.hpp>

#include <fusebox/http/site.hpp>

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

namespace stage {

using fusebox::http::request;
using fusebox::http::response;

response json_response(int status, std::string text);
// 200, {"status":"ok"}: of a service whose health is that it answers.
response healthy();

// By method and path, which may have parameters: "GET /products/{id}/stock".
using routes = std::map<std::string, fusebox::http::handler>;

struct listen_error {
    bool address_in_use = false;
    std::string message{};  // "127.0.0.1:5000 is in use by another program"
};

// Serves routes. From any thread but the loop's.
class server {
public:
    // Port 0 takes a free one; port() tells which.
    static std::expected<server, listen_error> listen(event_loop& on, const std::string& address, std::uint16_t port,
                                                      routes served);

    server(server&&) noexcept = default;
    server& operator=(server&&) = delete;
    // Closes the listener, gives what is being answered a moment, cancels the rest, and waits until all have ended.
    ~server();

    std::uint16_t port() const noexcept { return port_; }
    // How many requests have reached a handler so far.
    std::uint64_t requests() const;

private:
    server(event_loop& on, std::unique_ptr<fusebox::http::site> site, std::uint16_t port);

    event_loop* loop_;
    std::unique_ptr<fusebox::http::site> site_;
    std::uint16_t port_;
};

// A service that cannot listen. what() tells the user which, why, and what to do.
struct cannot_listen : std::runtime_error {
    using runtime_error::runtime_error;
};

// Serves where the command line puts `service`; throws cannot_listen.
server listen(event_loop& on, const command_line& line, const std::string& service, routes served);

// Where a client on this machine finds what listens there: "http://127.0.0.1:5000"
std::string address_of(std::string host, std::uint16_t port);

}  // namespace stage
