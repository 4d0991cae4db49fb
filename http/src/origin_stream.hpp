// A connection to an origin, plain or by TLS, as coroutines. All results are values.
//
// Thread-safety: none.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace fusebox::http {

class origin_stream {
public:
    using error_code = boost::system::error_code;
    using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
    using pieces = std::array<boost::asio::const_buffer, 2>;

    explicit origin_stream(const boost::asio::any_io_executor& on) : socket_(on) {}

    // Tries them in turn.
    boost::asio::awaitable<error_code> connect(const endpoints& to);
    // Empty when `host` has proved who it is; otherwise a sentence that says why not.
    boost::asio::awaitable<std::string> secure(boost::asio::ssl::context& context, const std::string& host);

    boost::asio::awaitable<error_code> write(const pieces& all);
    // Appends to `into`. error::eof only where the origin has ended properly, by close_notify if by TLS.
    boost::asio::awaitable<error_code> read_some(std::string& into);

    void close() noexcept;
    // With a reset, so that the origin need not go on with what nobody waits for.
    void abort() noexcept;
    // Nothing has come since the last read, not even the end.
    bool silent() noexcept;

private:
    boost::asio::ip::tcp::socket socket_;
    std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
};

}  // namespace fusebox::http
