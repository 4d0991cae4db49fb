// A tiny HTTP/1.1 server for the demos: GET and HEAD, a handler for each path, JSON errors for the rest.
//
// One thread does the input and output, 64 run the handlers: a slow request holds up nobody until 64 of
// them run at the same time. Handlers must therefore be thread-safe. A handler that throws answers 500.
#pragma once

#include <http/message.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace demo::http {

using handler = std::function<response(const request&)>;
using routes = std::map<std::string, handler>;

struct listen_error {
    bool address_in_use = false;
    std::string message{};  // "127.0.0.1:5000 is in use by another program"
};

class server {
public:
    // Listens at once. Port 0 takes a free one; port() tells which.
    static std::expected<server, listen_error> listen(const std::string& address, std::uint16_t port, routes served);

    server(server&&) noexcept;
    server& operator=(server&&) noexcept;

    // Stops: closes the listener and the idle connections, tells the running handlers by
    // request::stopping, and waits until they have answered.
    ~server();

    std::uint16_t port() const;

    // How many requests have reached a handler so far.
    std::uint64_t requests() const;

private:
    class impl;
    explicit server(std::unique_ptr<impl> running);
    std::unique_ptr<impl> impl_;
};

}  // namespace demo::http
