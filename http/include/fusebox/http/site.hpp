// A server whose requests are answered by functions: plain ones, which answer at once, and coroutines of
// Boost.Asio, which may take their time. Bodies are kept whole, so their size is bounded.
//
//   http::site shop{io};
//   shop.on("GET", "/health", [](const http::request&) { return http::response{200, "healthy"}; });
//   shop.on("GET", "/orders", list_orders);      net::awaitable<http::response> list_orders(const http::request&)
//   if (const auto failed = shop.listen("127.0.0.1", 8080)) …
//   io.run();
//
// A handler that throws answers 500. A coroutine is cancelled when its client breaks the connection, or when the time
// of drain() is over; the request lives as long as the coroutine. What no handler is there for answers 404, or 405 with
// Allow; a handler for GET serves HEAD. For messages that pass through without being kept, see server_connection.
//
// Thread-safety: none; the thread that runs `io`.
#pragma once

#include <fusebox/http/message.hpp>
#include <fusebox/http/server.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace fusebox::http {

class path_pattern;

// Takes a const request&; gives a response or an awaitable<response>. Lives in the site, so a lambda that is a
// coroutine may capture.
class handler {
public:
    using plain = std::function<response(const request&)>;
    using coroutine = std::function<boost::asio::awaitable<response>(const request&)>;

    template <class F>
        requires std::invocable<F&, const request&> && (!std::same_as<std::remove_cvref_t<F>, handler>)
    handler(F f) : call_(kind_of<F>(std::move(f))) {}

    const plain* as_plain() const noexcept { return std::get_if<plain>(&call_); }
    const coroutine* as_coroutine() const noexcept { return std::get_if<coroutine>(&call_); }

private:
    template <class F>
    using kind_of =
        std::conditional_t<std::is_convertible_v<std::invoke_result_t<F&, const request&>, response>, plain, coroutine>;
    std::variant<plain, coroutine> call_;
};

struct site_limits {
    connection_limits connection{};
    std::size_t body_bytes = 1u << 20;  // of a request; beyond: 413
    std::size_t connections = 65536;    // beyond: they wait to be accepted
};

class site final : private service {
public:
    explicit site(boost::asio::io_context& io, site_limits limits = {});
    site(const site&) = delete;
    site& operator=(const site&) = delete;
    ~site();

    // `path` is compared as it arrives, without its query. It may have parameters, "/orders/{id}", which the request
    // then has by name; a path without any goes before, and else the one that was given first.
    void on(std::string method, std::string path, handler answer);

    // Of a numeric address; port 0 takes a free one, see port().
    std::error_code listen(const std::string& address, std::uint16_t port);
    std::uint16_t port() const { return server_.local().port(); }

    // Accepts no more, lets what is served finish within this time, and then ends it. It is done when connections()
    // and running() are 0.
    void drain(duration within);
    // Ends all connections now, and cancels their handlers.
    void close();

    std::size_t connections() const noexcept { return server_.connections(); }
    // How many requests have reached a handler.
    std::uint64_t requests() const noexcept { return requests_; }
    // Requests whose handlers are at work, be their connections gone.
    std::size_t running() const noexcept { return *running_; }

private:
    class handling;

    using methods = std::map<std::string, std::shared_ptr<const handler>, std::less<>>;

    exchange* serve(server_connection& connection) override;
    const methods* find(std::string_view path, std::vector<field>& parameters) const;
    void refuse(server_connection& connection, int status, std::string_view why) override;

    boost::asio::io_context& io_;
    const site_limits limits_;
    std::map<std::string, methods, std::less<>> handlers_;  // by path
    std::vector<std::pair<path_pattern, methods>> patterns_;
    connection_memory memory_;
    server server_;
    deadline drained_{http::on<&site::close>(this)};
    std::uint64_t requests_ = 0;
    const std::shared_ptr<std::size_t> running_ = std::make_shared<std::size_t>(0);
};

}  // namespace fusebox::http
