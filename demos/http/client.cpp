#include <http/client.hpp>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <charconv>
#include <future>
#include <thread>
#include <utility>

namespace demo::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using outcome = std::expected<response, transport_error>;

namespace {

constexpr std::uint64_t largest_body = 1024 * 1024;

// One GET, from name look-up to response; what ends it first, its own time limit included, settles it.
class exchange : public std::enable_shared_from_this<exchange> {
public:
    exchange(asio::io_context& io, url to, fusebox::duration timeout)
        : to_(std::move(to)),
          peer_(to_.host + ":" + to_.port),
          timeout_(timeout),
          resolver_(io),
          stream_(io),
          deadline_(io) {}

    std::future<outcome> result() { return result_.get_future(); }

    void start() {
        deadline_.expires_after(timeout_);
        deadline_.async_wait([self = shared_from_this()](error_code cancelled) {
            if (!cancelled)
                self->fail(true, fmt::format("no answer from {} within {:g} s", self->peer_, self->limit()));
        });
        resolver_.async_resolve(to_.host, to_.port, [self = shared_from_this()](error_code failed, auto endpoints) {
            if (failed)
                self->fail(false, fmt::format("the name {} does not resolve ({})", self->to_.host, failed.message()));
            else self->connect(endpoints);
        });
    }

    void cancel() { fail(false, "cancelled"); }

private:
    void connect(const tcp::resolver::results_type& endpoints) {
        if (settled_) return;
        stream_.async_connect(endpoints, [self = shared_from_this()](error_code failed, const auto&) {
            if (failed == asio::error::connection_refused) self->fail(false, self->peer_ + " refused the connection");
            else if (failed) self->fail(false, fmt::format("cannot connect to {}: {}", self->peer_, failed.message()));
            else self->write();
        });
    }

    void write() {
        if (settled_) return;
        request_ = {beast::http::verb::get, to_.target, 11};
        request_.set(beast::http::field::host, peer_);
        request_.set(beast::http::field::user_agent, "fusebox-demo");
        request_.keep_alive(false);
        beast::http::async_write(stream_, request_, [self = shared_from_this()](error_code failed, std::size_t) {
            if (failed) self->fail(false, fmt::format("cannot write to {}: {}", self->peer_, failed.message()));
            else self->read();
        });
    }

    void read() {
        if (settled_) return;
        parser_.body_limit(largest_body);
        beast::http::async_read(stream_, buffer_, parser_, [self = shared_from_this()](error_code failed, std::size_t) {
            if (failed == beast::http::error::end_of_stream || failed == asio::error::connection_reset)
                self->fail(false, self->peer_ + " closed the connection without an answer");
            else if (failed) self->fail(false, fmt::format("bad answer from {}: {}", self->peer_, failed.message()));
            else self->succeed();
        });
    }

    void succeed() {
        auto from = parser_.release();
        response to{.status = static_cast<int>(from.result_int()),
                    .body = std::move(from.body()),
                    .content_type = std::string{from[beast::http::field::content_type]}};
        settle(std::move(to));
    }

    void fail(bool timed_out, std::string why) { settle(std::unexpected(transport_error{timed_out, std::move(why)})); }

    void settle(outcome how) {
        if (std::exchange(settled_, true)) return;
        result_.set_value(std::move(how));
        deadline_.cancel();
        resolver_.cancel();
        stream_.close();
    }

    double limit() const { return std::chrono::duration<double>(timeout_).count(); }

    const url to_;
    const std::string peer_;
    const fusebox::duration timeout_;
    tcp::resolver resolver_;
    beast::tcp_stream stream_;
    asio::steady_timer deadline_;
    beast::http::request<beast::http::empty_body> request_;
    beast::flat_buffer buffer_;
    beast::http::response_parser<beast::http::string_body> parser_;
    std::promise<outcome> result_;
    bool settled_ = false;
};

}  // namespace

// All exchanges run on one thread, so none of them needs a lock.
class client::impl {
public:
    impl() : thread_([this] { io_.run(); }) {}
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;
    ~impl() {
        io_.stop();
        thread_.join();
    }

    outcome get(url to, fusebox::duration timeout, std::stop_token cancel) {
        const auto work = std::make_shared<exchange>(io_, std::move(to), timeout);
        auto result = work->result();
        asio::post(io_, [work] { work->start(); });
        const std::stop_callback on_cancel{std::move(cancel), [&] { asio::post(io_, [work] { work->cancel(); }); }};
        return result.get();
    }

private:
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    std::thread thread_;
};

client::client() : impl_(std::make_unique<impl>()) {}
client::~client() = default;

outcome client::get(const std::string& address, fusebox::duration timeout, std::stop_token cancel) {
    auto to = parse_url(address);
    if (!to) return std::unexpected(transport_error{false, to.error()});
    return impl_->get(std::move(*to), timeout, std::move(cancel));
}

std::expected<url, std::string> parse_url(std::string_view text) {
    const auto refuse = [&](const char* why) { return std::unexpected(fmt::format("'{}' {}", text, why)); };
    constexpr std::string_view scheme = "http://";
    if (!text.starts_with(scheme)) return refuse("must begin with http://");
    const auto graphic = [](char c) { return c > ' ' && c < '\x7f'; };
    if (!std::all_of(text.begin(), text.end(), graphic)) return refuse("must not contain blanks or control characters");
    const std::string_view rest = text.substr(scheme.size());
    const auto slash = std::min(rest.find('/'), rest.size());
    const std::string_view authority = rest.substr(0, slash);
    const auto bracket = authority.find(']');
    const auto colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
    std::string_view host = authority.substr(0, colon);
    const std::string_view port = colon == authority.npos ? "80" : authority.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.empty() || host.find_first_of("@?#[]") != host.npos) return refuse("must name a host after http://");
    std::uint16_t number = 0;
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (failed != std::errc{} || end != port.data() + port.size() || number == 0)
        return refuse("must have a port between 1 and 65535 after the colon");
    return url{std::string{host}, std::string{port}, slash == rest.size() ? "/" : std::string{rest.substr(slash)}};
}

}  // namespace demo::http
