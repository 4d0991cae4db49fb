// Where the demo's services run: a loop in a thread of its own, and servers on it.
#pragma once

#include <fusebox/http/site.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstdint>
#include <expected>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>

namespace health_check {

using fusebox::http::request;
using fusebox::http::response;

response json_response(int status, std::string text);

// A service's handlers by path; all of them are for GET.
using routes = std::map<std::string, fusebox::http::handler>;

// A thread that runs an io_context, on which services, their clients and their servers live. Ends with its destructor;
// they must have ended by then.
class event_loop {
public:
    event_loop() = default;
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;
    ~event_loop();

    boost::asio::io_context& io() noexcept { return io_; }

    // Calls `f` in the loop's thread, and waits for what it returns. Not to be called there.
    template <class F>
    auto run(F f) {
        std::packaged_task<decltype(f())()> task{std::move(f)};
        auto result = task.get_future();
        boost::asio::post(io_, [&task] { task(); });
        return result.get();
    }

private:
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
    std::thread thread_{[this] { io_.run(); }};
};

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

}  // namespace health_check
