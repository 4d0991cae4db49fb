#include "client_exchange.hpp"

#include <fusebox/http/request_head.hpp>

#include <fusebox/http/body_reader.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace fusebox::http {

namespace net = boost::asio;
using net::awaitable;
using net::ip::tcp;

namespace {

std::string peer_of(const url& to) {
    const bool six = to.host.contains(':');
    return (six ? "[" + to.host + "]" : to.host) + ":" + std::to_string(to.port);
}

bool expects_body(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

client_exchange::client_exchange(std::shared_ptr<client::state> owner, request what, url to)
    : bell(owner->on),
      owner_(std::move(owner)),
      request_(std::move(what)),
      to_(std::move(to)),
      peer_(peer_of(to_)),
      origin_((to_.tls ? "https://" : "http://") + peer_),
      resolver_(owner_->on) {}

awaitable<void> client_exchange::run(std::shared_ptr<client_exchange> self) {
    co_await self->work();
}

awaitable<void> client_exchange::work() {
    stream_ = owner_->take(origin_);
    if (stream_) {
        again_ = is_idempotent(identify_method(request_.method));
        connected_ = true;
        co_await talk();
        if (settled()) co_return;
        again_ = connected_ = false;
    }
    const bool opened = co_await open();
    if (opened) co_await talk();
}

awaitable<bool> client_exchange::open() {
    origin_stream::endpoints found;
    const bool known = co_await look_up(found);
    if (!known) co_return false;
    stream_ = std::make_unique<origin_stream>(owner_->on);
    if (const error_code failed = co_await stream_->connect(found)) {
        const bool refused = failed == net::error::connection_refused;
        fail(http_errc::connect,
             refused ? peer_ + " refused the connection" : "cannot connect to " + peer_ + ": " + failed.message());
        co_return false;
    }
    if (settled()) co_return false;
    if (to_.tls) {
        const auto context = owner_->tls();
        std::string why;
        if (context) why = co_await stream_->secure(**context, to_.host);
        else why = context.error();
        if (!why.empty()) fail(http_errc::tls, std::move(why));
    }
    connected_ = true;
    bell.cancel();
    co_return !settled();
}

awaitable<bool> client_exchange::look_up(origin_stream::endpoints& found) {
    error_code failed;
    const auto address = net::ip::make_address(to_.host, failed);
    if (!failed) {
        found.emplace_back(address, to_.port);
        co_return true;
    }
    const auto all = co_await resolver_.async_resolve(to_.host, std::to_string(to_.port),
                                                      net::redirect_error(net::use_awaitable, failed));
    if (failed) fail(http_errc::resolve, "the name " + to_.host + " does not resolve (" + failed.message() + ")");
    for (const auto& each : all) found.push_back(each.endpoint());
    co_return !settled();
}

awaitable<void> client_exchange::talk() {
    written_ = heard_ = false;
    in_.clear();
    at_ = 0;
    const std::string head = head_to_send();
    const origin_stream::pieces all = {net::buffer(head), net::buffer(request_.body)};
    const error_code failed = co_await stream_->write(all);
    if (settled()) co_return;
    written_ = !failed;
    // Even then there may be an answer: why the origin did not want all of the body.
    http::response_head answer;
    const bool answered = co_await read_head(answer);
    if (!answered) co_return;
    const bool whole = co_await read_body(answer);
    if (!whole) co_return;
    const bool reusable =
        written_ && answer.keep_alive() && answer.body().kind != framing::until_close && at_ == in_.size();
    if (reusable) owner_->give(origin_, std::move(stream_));
    settle(std::move(response_));
}

std::string client_exchange::head_to_send() const {
    std::string head = request_.method + " " + to_.target + " HTTP/1.1\r\nHost: " + to_.authority + "\r\n";
    for (const field& f : request_.fields) head.append(f.name).append(": ").append(f.value).append("\r\n");
    if (!request_.body.empty() || expects_body(request_.method))
        head.append("Content-Length: ").append(std::to_string(request_.body.size())).append("\r\n");
    return head + "\r\n";
}

// -- The response ------------------------------------------------------------------------------------

awaitable<bool> client_exchange::read_head(http::response_head& head) {
    const answered_request to{.head = request_.method == "HEAD"};
    for (;;) {
        const parse_status status =
            in_.empty() ? parse_status::incomplete : head.parse({in_.data(), in_.size()}, to, owner_->options.head);
        if (status == parse_status::refused) {
            fail(http_errc::malformed,
                 "the answer of " + peer_ + " is not HTTP: " + std::string(sentence(head.error())));
            co_return false;
        }
        if (status == parse_status::complete && !head.interim()) break;
        if (status == parse_status::complete) {
            in_.erase(0, head.size());
            head.clear();
            continue;
        }
        if (const error_code failed = co_await read_more()) {
            lost(failed);
            co_return false;
        }
        if (settled()) co_return false;
        heard_ = true;
    }
    at_ = head.size();
    response_ = response(head.status());
    for (std::size_t i = 0; i < head.count(); ++i)
        if (!head.dropped(i)) response_.fields.push_back({std::string(head.name(i)), std::string(head.value(i))});
    co_return true;
}

awaitable<bool> client_exchange::read_body(const http::response_head& head) {
    body_reader body{head.body()};
    if (head.body().kind == framing::length && head.body().bytes > owner_->options.body_bytes) {
        too_large();
        co_return false;
    }
    while (!body.finished()) {
        if (at_ == in_.size()) {
            in_.clear();
            at_ = 0;
            const error_code failed = co_await read_more();
            if (settled()) co_return false;
            if (failed == net::error::eof && body.whole_at_close()) co_return true;
            if (failed) {
                lost(failed);
                co_return false;
            }
        }
        const auto step = body.next(std::string_view(in_).substr(at_));
        at_ += step.consumed;
        if (step.kind == body_reader::step::refused) {
            fail(http_errc::malformed,
                 "the answer of " + peer_ + " has a broken body: " + std::string(sentence(body.error())));
            co_return false;
        }
        if (!keep(step.slice)) co_return false;
        if (step.kind == body_reader::step::trailers) co_return co_await read_trailers();
    }
    co_return true;
}

// They are checked, and not told: they must not be taken for fields of the head.
awaitable<bool> client_exchange::read_trailers() {
    in_.erase(0, std::exchange(at_, 0));
    trailer_section trailers;
    for (;;) {
        const parse_status status = trailers.parse(in_, owner_->options.head);
        at_ = trailers.size();
        if (status == parse_status::complete) co_return true;
        if (status == parse_status::refused) {
            fail(http_errc::malformed,
                 "the answer of " + peer_ + " has broken trailers: " + std::string(sentence(trailers.error())));
            co_return false;
        }
        if (const error_code failed = co_await read_more()) {
            lost(failed);
            co_return false;
        }
        if (settled()) co_return false;
    }
}

awaitable<client_exchange::error_code> client_exchange::read_more() {
    return stream_->read_some(in_);
}

bool client_exchange::keep(std::string_view part) {
    if (part.size() > owner_->options.body_bytes - response_.body.size()) return too_large(), false;
    response_.body.append(part);
    return true;
}

void client_exchange::too_large() {
    fail(http_errc::too_large, "the answer of " + peer_ + " is longer than " +
                                   std::to_string(owner_->options.body_bytes) +
                                   " bytes: raise client_options::body_bytes if that may be");
}

// -- The end -----------------------------------------------------------------------------------------

void client_exchange::lost(error_code how) {
    if (std::exchange(again_, false) && !heard_) return;
    const std::string when = heard_ ? " in the middle of its answer" : " without an answer";
    const bool closed = how == net::error::eof || how == net::ssl::error::stream_truncated;
    fail(http_errc::reset, peer_ + (closed ? " closed the connection" : " broke the connection") + when);
}

void client_exchange::fail(http_errc why, std::string message) {
    settle(std::unexpected(http_error{why, std::move(message)}));
}

void client_exchange::give_up(http_errc why, std::string message) {
    fail(why, std::move(message));
}

void client_exchange::settle(outcome how) {
    if (settled()) return;
    result_.emplace(std::move(how));
    resolver_.cancel();
    if (stream_ && result_->has_value()) stream_->close();
    else if (stream_) stream_->abort();
    bell.cancel();
}

}  // namespace fusebox::http
