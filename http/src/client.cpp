#include <fusebox/http/client.hpp>

#include "client_exchange.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>

namespace fusebox::http {

namespace net = boost::asio;
using net::awaitable;
using outcome = std::expected<response, http_error>;

namespace {

std::string in_seconds(duration d) {
    char text[32];
    const double seconds = std::chrono::duration<double>(d).count();
    return {text, std::to_chars(text, text + sizeof text, seconds).ptr};
}

// What the client itself writes, or does not speak.
bool is_own(const field& f) {
    switch (identify(f.name)) {
        case field_id::connection:
        case field_id::content_length:
        case field_id::expect:
        case field_id::host:
        case field_id::keep_alive:
        case field_id::te:
        case field_id::trailer:
        case field_id::transfer_encoding:
        case field_id::upgrade: return true;
        default: return false;
    }
}

// Empty when `r` may be sent.
std::string complaint_about(const request& r) {
    if (!is_sendable({r.method, ""})) return "the method '" + r.method + "' is none: it must be one word, as GET";
    if (r.method == "CONNECT") return "the method CONNECT is not served: ask the origin itself";
    for (const field& f : r.fields) {
        if (!is_sendable(f)) return "the field '" + f.name + "' has a character that no field may have";
        if (is_own(f)) return "the field " + f.name + " is written by the client itself: leave it out";
    }
    return {};
}

}  // namespace

client::client(net::any_io_executor on, client_options options)
    : state_(std::make_shared<state>(std::move(on), std::move(options))) {}

client::~client() = default;

std::size_t client::idle() const noexcept {
    return state_->idle();
}

awaitable<outcome> client::send(request what) {
    return send(std::move(what), state_->options.total_time);
}

// The exchange works by itself; here it is waited for.
awaitable<outcome> client::send(request what, duration total_time) {
    const auto owner = state_;
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);
    auto to = url::parse(what.url);
    std::string complaint = complaint_about(what);
    if (!to) complaint = to.error();
    if (!complaint.empty()) {
        co_await net::this_coro::throw_if_cancelled(throws);
        co_return std::unexpected(http_error{http_errc::bad_request, std::move(complaint)});
    }
    const auto work = std::make_shared<client_exchange>(owner, std::move(what), std::move(*to));
    const auto began = steady_now();
    const time_point ends = saturating_add(began, total_time);
    const time_point connected_by = std::min(ends, saturating_add(began, owner->options.connect_time));
    net::co_spawn(owner->on, client_exchange::run(work), net::detached);
    while (!work->settled()) {
        const auto cancellation = co_await net::this_coro::cancellation_state;
        if (cancellation.cancelled() != net::cancellation_type::none) {
            work->give_up(http_errc::cancelled, "cancelled");
            break;
        }
        const bool connecting = !work->connected() && connected_by < ends;
        boost::system::error_code rung;
        work->bell.expires_at(connecting ? connected_by : ends);
        co_await work->bell.async_wait(net::redirect_error(net::use_awaitable, rung));
        if (rung) continue;
        if (connecting && !work->connected())
            work->give_up(http_errc::timeout, "no connection to " + work->peer() + " within " +
                                                  in_seconds(owner->options.connect_time) + " s");
        else if (!connecting)
            work->give_up(http_errc::timeout,
                          "no answer from " + work->peer() + " within " + in_seconds(total_time) + " s");
    }
    co_await net::this_coro::throw_if_cancelled(throws);
    co_return work->take();
}

// -- Connections at rest -----------------------------------------------------------------------------

void client::state::drop_old() {
    const time_point oldest = steady_now() - options.idle_time;
    std::erase_if(resting_, [&](const resting& r) { return r.since < oldest; });
}

std::unique_ptr<origin_stream> client::state::take(const std::string& origin) {
    drop_old();
    for (std::size_t i = resting_.size(); i-- > 0;) {
        if (resting_[i].origin != origin) continue;
        auto taken = std::move(resting_[i].stream);
        resting_.erase(resting_.begin() + static_cast<std::ptrdiff_t>(i));
        if (taken->silent()) return taken;
    }
    return nullptr;
}

void client::state::give(const std::string& origin, std::unique_ptr<origin_stream> s) {
    drop_old();
    resting_.push_back({origin, std::move(s), steady_now()});
    if (resting_.size() > options.idle_connections) resting_.erase(resting_.begin());
}

std::expected<net::ssl::context*, std::string> client::state::tls() {
    if (tls_) return &*tls_;
    net::ssl::context made{net::ssl::context::tls_client};
    boost::system::error_code failed;
    SSL_CTX_set_min_proto_version(made.native_handle(), TLS1_2_VERSION);
    made.set_verify_mode(net::ssl::verify_peer, failed);
    if (options.ca_file.empty()) made.set_default_verify_paths(failed);
    else made.load_verify_file(options.ca_file, failed);
    if (failed)
        return std::unexpected("the CA file '" + options.ca_file + "' cannot be used (" + failed.message() +
                               "): client_options::ca_file must name a file of certificates in PEM");
    return &tls_.emplace(std::move(made));
}

}  // namespace fusebox::http
