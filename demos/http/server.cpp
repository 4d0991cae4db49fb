#include <http/server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <future>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace demo::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using beast_request = beast::http::request<beast::http::string_body>;
using beast_response = beast::http::response<beast::http::string_body>;

namespace {

constexpr std::size_t handler_threads = 64;
constexpr std::size_t largest_body = 64 * 1024;
constexpr std::uint32_t largest_header = 8 * 1024;
constexpr auto longest_read = std::chrono::seconds{30};  // also how long a connection may idle
constexpr auto longest_write = std::chrono::seconds{5};

std::string lower_case(std::string_view text) {
    std::string lower{text};
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

request plain(const beast_request& from, std::stop_token stopping) {
    const std::string_view target{from.target().data(), from.target().size()};
    request to{.method = std::string{from.method_string()},
               .path = std::string{target.substr(0, target.find('?'))},
               .stopping = std::move(stopping)};
    for (const auto& field : from) to.headers[lower_case(field.name_string())] = std::string{field.value()};
    return to;
}

response json_error(int status, const char* text) {
    return {.status = status, .body = std::string{R"({"error":")"} + text + "\"}"};
}

beast_response wire(const response& from, bool keep_alive, bool head_only) {
    beast_response to{static_cast<beast::http::status>(from.status), 11};
    to.set(beast::http::field::content_type, from.content_type);
    for (const auto& [name, value] : from.headers) to.set(name, value);
    to.keep_alive(keep_alive);
    to.content_length(from.body.size());
    if (!head_only) to.body() = from.body;
    return to;
}

// True when what was read is no HTTP, false when the connection ended or took too long.
bool is_malformed(error_code failed) {
    using beast::http::error;
    return failed.category() == make_error_code(error::bad_method).category() && failed != error::end_of_stream &&
           failed != error::partial_message;
}

}  // namespace

class server::impl {
public:
    impl(tcp::endpoint at, routes served) : routes_(std::move(served)), acceptor_(io_, at) {
        accept();
        io_thread_ = std::thread{[this] { io_.run(); }};
    }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;
    ~impl();

    std::uint16_t port() const { return port_; }
    std::uint64_t requests() const { return requests_; }

private:
    class session;

    void accept();
    response answer(const request& asked) const;

    const routes routes_;
    std::atomic<std::uint64_t> requests_{0};
    std::stop_source stop_;
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    tcp::acceptor acceptor_;
    const std::uint16_t port_ = acceptor_.local_endpoint().port();
    asio::steady_timer accept_again_{io_};
    std::set<session*> sessions_;  // only touched by the io thread
    bool draining_ = false;        // as above
    asio::thread_pool workers_{handler_threads};
    std::thread io_thread_;
};

// A connection. Lives as long as something of it is under way; all but the handler runs on the io thread.
class server::impl::session : public std::enable_shared_from_this<session> {
public:
    session(impl& owner, tcp::socket socket) : owner_(owner), stream_(std::move(socket)) {
        owner_.sessions_.insert(this);
    }
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session() { owner_.sessions_.erase(this); }

    void read() {
        parser_.emplace();
        parser_->header_limit(largest_header);
        parser_->body_limit(largest_body);
        reading_ = true;
        stream_.expires_after(longest_read);
        beast::http::async_read(stream_, buffer_, *parser_,
                                [self = shared_from_this()](error_code failed, std::size_t) {
                                    self->reading_ = false;
                                    if (!failed) self->handle(self->parser_->release());
                                    else if (is_malformed(failed))
                                        self->write(json_error(400, "bad request"), false, false);
                                });
    }

    // A connection that waits for its next request is closed; one that is being answered gets its answer.
    void drain() {
        if (reading_) stream_.close();
    }

private:
    void handle(const beast_request& asked) {
        if (asked.version() >= 11 && asked.count(beast::http::field::host) != 1)
            return write(json_error(400, "exactly one Host header is needed"), false, false);
        // Beast reads some transfer codings as "no body"; what follows must not pass for a request.
        const bool keep_alive =
            asked.version() >= 11 && asked.keep_alive() && asked.count(beast::http::field::transfer_encoding) == 0;
        ++owner_.requests_;
        stream_.expires_never();
        // The worker hands its reference over, so that a session always ends on the io thread.
        asio::post(owner_.workers_,
                   [self = shared_from_this(), keep_alive, wanted = plain(asked, owner_.stop_.get_token())]() mutable {
                       impl& owner = self->owner_;
                       asio::post(owner.io_, [self = std::move(self), keep_alive, answer = owner.answer(wanted),
                                              head_only = wanted.method == "HEAD"] {
                           self->write(answer, keep_alive, head_only);
                       });
                   });
    }

    void write(const response& answer, bool keep_alive, bool head_only) {
        keep_alive = keep_alive && !owner_.draining_;
        out_ = wire(answer, keep_alive, head_only);
        stream_.expires_after(longest_write);
        beast::http::async_write(stream_, out_,
                                 [self = shared_from_this(), keep_alive](error_code failed, std::size_t) {
                                     if (failed) return;
                                     if (keep_alive && !self->owner_.draining_) return self->read();
                                     error_code ignored;
                                     self->stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
                                 });
    }

    impl& owner_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
    beast_response out_;
    bool reading_ = false;
};

void server::impl::accept() {
    acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
        if (draining_) return;
        if (!failed) {
            std::make_shared<session>(*this, std::move(socket))->read();
            return accept();
        }
        // Out of file descriptors, most likely: connections that end will give some back.
        accept_again_.expires_after(std::chrono::milliseconds{50});
        accept_again_.async_wait([this](error_code cancelled) {
            if (!cancelled) accept();
        });
    });
}

response server::impl::answer(const request& asked) const {
    const auto found = routes_.find(asked.path);
    if (found == routes_.end()) return json_error(404, "not found");
    if (asked.method != "GET" && asked.method != "HEAD") {
        response refusal = json_error(405, "method not allowed");
        refusal.headers["Allow"] = "GET, HEAD";
        return refusal;
    }
    try {
        return found->second(asked);
    } catch (const std::exception&) {
        return json_error(500, "internal error");
    }
}

server::impl::~impl() {
    stop_.request_stop();
    std::promise<void> drained;  // once kept, no session hands the workers anything new
    asio::post(io_, [&] {
        draining_ = true;
        acceptor_.close();
        accept_again_.cancel();
        for (session* s : sessions_) s->drain();
        drained.set_value();
    });
    drained.get_future().wait();
    workers_.join();
    work_.reset();
    io_thread_.join();
}

server::server(std::unique_ptr<impl> running) : impl_(std::move(running)) {}
server::server(server&&) noexcept = default;
server& server::operator=(server&&) noexcept = default;
server::~server() = default;
std::uint16_t server::port() const {
    return impl_->port();
}
std::uint64_t server::requests() const {
    return impl_->requests();
}

std::expected<server, listen_error> server::listen(const std::string& address, std::uint16_t port, routes served) {
    error_code failed;
    const auto ip = asio::ip::make_address(address, failed);
    if (failed) return std::unexpected(listen_error{false, "'" + address + "' is not an IP address"});
    try {
        return server{std::make_unique<impl>(tcp::endpoint{ip, port}, std::move(served))};
    } catch (const boost::system::system_error& e) {
        const bool in_use = e.code() == asio::error::address_in_use;
        const std::string reason =
            in_use ? " is in use by another program" : " cannot be listened on: " + e.code().message();
        return std::unexpected(listen_error{in_use, address + ":" + std::to_string(port) + reason});
    }
}

}  // namespace demo::http
