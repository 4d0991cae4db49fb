// One request of a client and what comes of it. Its coroutine works; client::send() waits for it, with the clock
// and the caller's cancellation in its hand, and does not need to wait for what cannot be ended, such as a name's
// look-up.
//
// Thread-safety: none; the client's executor.
#pragma once

#include <fusebox/http/client.hpp>
#include <fusebox/http/response_head.hpp>
#include <fusebox/http/url.hpp>

#include "origin_stream.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <vector>

namespace fusebox::http {

class client::state {
public:
    state(boost::asio::any_io_executor executor, client_options o) : on(std::move(executor)), options(std::move(o)) {}

    // A connection to this origin that is at rest and still stands, or null.
    std::unique_ptr<origin_stream> take(const std::string& origin);
    void give(const std::string& origin, std::unique_ptr<origin_stream> s);
    std::size_t idle() const noexcept { return resting_.size(); }

    // Made at first need; otherwise a sentence that says why there is none.
    std::expected<boost::asio::ssl::context*, std::string> tls();

    const boost::asio::any_io_executor on;
    const client_options options;

private:
    struct resting {
        std::string origin;
        std::unique_ptr<origin_stream> stream;
        time_point since;
    };
    void drop_old();

    std::vector<resting> resting_;  // the one used last at the end
    std::optional<boost::asio::ssl::context> tls_;
};

class client_exchange {
public:
    using outcome = std::expected<response, http_error>;

    client_exchange(std::shared_ptr<client::state> owner, request what, url to);

    static boost::asio::awaitable<void> run(std::shared_ptr<client_exchange> self);
    // Ends it now. What was settled first stands.
    void give_up(http_errc why, std::string message);

    bool settled() const noexcept { return result_.has_value(); }
    bool connected() const noexcept { return connected_; }
    const std::string& peer() const noexcept { return peer_; }
    outcome take() { return std::move(*result_); }

    boost::asio::steady_timer bell;  // rung when it is connected, and when it is settled

private:
    using error_code = boost::system::error_code;
    // Those that return bool: false when the exchange has come to its end, or to a new connection.
    boost::asio::awaitable<void> work();
    boost::asio::awaitable<void> talk();
    boost::asio::awaitable<bool> open();
    boost::asio::awaitable<bool> look_up(origin_stream::endpoints& found);
    boost::asio::awaitable<bool> read_head(http::response_head& head);
    boost::asio::awaitable<bool> read_body(const http::response_head& head);
    boost::asio::awaitable<bool> read_trailers();
    boost::asio::awaitable<error_code> read_more();
    bool keep(std::string_view part);
    void too_large();
    void fail(http_errc why, std::string message);
    void lost(error_code how);
    void settle(outcome how);
    std::string head_to_send() const;

    const std::shared_ptr<client::state> owner_;
    const request request_;
    const url to_;
    const std::string peer_;    // "orders.example:80"
    const std::string origin_;  // with the scheme
    boost::asio::ip::tcp::resolver resolver_;
    std::unique_ptr<origin_stream> stream_;
    std::string in_;      // what has come
    std::size_t at_ = 0;  // of it, used up
    response response_;
    std::optional<outcome> result_;
    bool connected_ = false;
    bool written_ = false;  // the whole request
    bool heard_ = false;    // any byte of the response
    bool again_ = false;    // the kept connection was none any more: to be tried on another
};

}  // namespace fusebox::http
