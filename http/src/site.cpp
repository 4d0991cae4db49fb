#include <fusebox/http/site.hpp>

#include "path_pattern.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <memory>

namespace fusebox::http {

namespace net = boost::asio;

// One request on its way through its handler. Kept by itself until it is answered or lost, and by its coroutine as
// long as that runs.
class site::handling final : public exchange, public std::enable_shared_from_this<handling> {
public:
    handling(site& owner, server_connection& c, std::shared_ptr<const handler> answer, std::vector<field> parameters)
        : owner_(owner), client_(&c), handler_(std::move(answer)) {
        request_.parameters = std::move(parameters);
        const request_head& head = c.request();
        request_.method = head.method_text();
        request_.url = head.target();
        for (std::size_t i = 0; i < head.count(); ++i)
            if (!head.dropped(i)) request_.fields.push_back({std::string(head.name(i)), std::string(head.value(i))});
    }

    handling(const handling&) = delete;
    handling& operator=(const handling&) = delete;
    ~handling() { *count_ -= begun_ ? 1 : 0; }

    // Null when all is done.
    exchange* start() {
        self_ = shared_from_this();
        if (client_->request().expects_continue() && !client_->body_complete())
            client_->send("HTTP/1.1 100 Continue\r\n\r\n");
        client_ready();
        return client_ != nullptr ? this : nullptr;
    }

    void client_ready() override {
        if (begun_) return;
        const auto alive = shared_from_this();
        for (;;) {
            switch (client_->read_body([this](std::span<const iovec> parts) { keep(parts); })) {
                case body_status::blocked: return;
                case body_status::complete: return run();
                case body_status::more: break;
                default: return release().fail_body();
            }
            if (is_too_large()) return refuse_body();
        }
    }

    void client_lost(loss) override {
        const auto alive = std::move(self_);
        client_ = nullptr;
        cancel_.emit(net::cancellation_type::all);
    }

private:
    void keep(std::span<const iovec> parts) {
        for (const iovec& p : parts) request_.body.append(static_cast<const char*>(p.iov_base), p.iov_len);
    }

    bool is_too_large() const noexcept { return request_.body.size() > owner_.limits_.body_bytes; }
    void refuse_body() { reply({413, "the body may have " + std::to_string(owner_.limits_.body_bytes) + " bytes\n"}); }

    void run() {
        if (is_too_large()) return refuse_body();
        begun_ = true;
        ++*count_;
        ++owner_.requests_;
        if (const auto* answer = handler_->as_plain()) {
            response made;
            try {
                made = (*answer)(request_);
            } catch (const std::exception&) {
                made = failed();
            }
            return reply(made);
        }
        auto done = [self = self_](std::exception_ptr thrown, const response& made) {
            if (self->client_ != nullptr) self->reply(thrown ? failed() : made);
        };
        net::co_spawn(owner_.io_, (*handler_->as_coroutine())(request_),
                      net::bind_cancellation_slot(cancel_.slot(), std::move(done)));
    }

    // What went wrong is not the client's to know.
    static response failed() { return {500, "internal error\n"}; }

    void reply(const response& made) {
        std::string lines;
        bool sendable = made.status >= 200 && made.status < 600;
        for (const field& f : made.fields) {
            const bool framing = equal_names(f.name, "Content-Length") || equal_names(f.name, "Transfer-Encoding") ||
                                 equal_names(f.name, "Connection");
            sendable = sendable && is_sendable(f) && !framing;
            lines.append(f.name).append(": ").append(f.value).append("\r\n");
        }
        if (!sendable) return reply(failed());
        release().answer(made.status, {}, made.body, lines);
    }

    // The connection, to be told of the end. Whoever calls keeps this alive.
    server_connection& release() {
        self_.reset();
        return *std::exchange(client_, nullptr);
    }

    site& owner_;
    server_connection* client_;
    const std::shared_ptr<const handler> handler_;  // kept: a coroutine's captures lie in it
    request request_;
    net::cancellation_signal cancel_;
    bool begun_ = false;
    const std::shared_ptr<std::size_t> count_ = owner_.running_;
    std::shared_ptr<handling> self_;
};

site::site(net::io_context& io, site_limits limits)
    : io_(io),
      limits_(limits),
      memory_(limits.connection.head),
      server_(reactor::of(io), memory_, limits.connection, *this, limits.connections) {}

site::~site() {
    close();
}

void site::on(std::string method, std::string path, handler answer) {
    auto kept = std::make_shared<const handler>(std::move(answer));
    if (!path_pattern::is_one(path)) {
        handlers_[std::move(path)][std::move(method)] = std::move(kept);
        return;
    }
    const path_pattern pattern{path};
    auto at = std::ranges::find(patterns_, pattern, &std::pair<path_pattern, methods>::first);
    if (at == patterns_.end()) at = patterns_.insert(at, {pattern, {}});
    at->second[std::move(method)] = std::move(kept);
}

const site::methods* site::find(std::string_view path, std::vector<field>& parameters) const {
    if (const auto here = handlers_.find(path); here != handlers_.end()) return &here->second;
    for (const auto& [pattern, answers] : patterns_)
        if (auto matched = pattern.match(path)) return parameters = std::move(*matched), &answers;
    return nullptr;
}

std::error_code site::listen(const std::string& address, std::uint16_t port) {
    const auto at = socket_address::from(address, port);
    return at ? server_.listen(*at) : at.error();
}

void site::drain(duration within) {
    server_.drain();
    reactor::of(io_).arm_in(drained_, within);
}

void site::close() {
    drained_.disarm();
    server_.close();
}

exchange* site::serve(server_connection& c) {
    std::vector<field> parameters;
    const methods* const here = find(c.request().path(), parameters);
    if (here == nullptr) return c.answer(404, "text/plain", "not found\n"), nullptr;
    const auto method = c.request().method_text();
    const auto answer = here->find(method == "HEAD" ? "GET" : method);
    if (answer != here->end())
        return std::make_shared<handling>(*this, c, answer->second, std::move(parameters))->start();
    std::string allow;
    for (const auto& [each, unused] : *here)
        allow.append(allow.empty() ? "Allow: " : ", ").append(each == "GET" ? "GET, HEAD" : each);
    return c.answer(405, "text/plain", "method not allowed\n", allow + "\r\n"), nullptr;
}

void site::refuse(server_connection& c, int status, std::string_view why) {
    c.answer(status, "text/plain", std::string(why) + "\n");
}

}  // namespace fusebox::http
