// A tiny HTTP/1.1 client for the demos: GET with a time limit over everything, name look-up included.
//
// Thread-safe: any number of threads may wait in get() at the same time. One connection for each request.
#pragma once

#include <http/message.hpp>

#include <fusebox/clock.hpp>

#include <expected>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace demo::http {

struct url {
    std::string host{};
    std::string port{};
    std::string target{};  // "/" at least
};

// "http://host[:port][/path]" and nothing else; otherwise a sentence that says what is wrong.
std::expected<url, std::string> parse_url(std::string_view text);

// Why there is no response.
struct transport_error {
    bool timed_out = false;
    std::string message{};  // "service-c:5000 refused the connection"
};

class client {
public:
    client();
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client();

    // The response, whatever its status. `cancel` ends the wait early, as a transport error.
    std::expected<response, transport_error> get(const std::string& address, fusebox::duration timeout,
                                                 std::stop_token cancel = {});

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace demo::http
