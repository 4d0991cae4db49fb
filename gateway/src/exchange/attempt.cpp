#include "exchange/attempt.hpp"

#include "exchange/chunks.hpp"
#include "kept/validation.hpp"
#include "messages/forwarded_head.hpp"

#include <fusebox/http/gather.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace fusebox::gateway {

namespace {

constexpr duration continue_wait = std::chrono::seconds{1};  // RFC 9110, section 10.1.1

incident incident_of_connect(int error) noexcept {
    switch (error) {
        case ECONNREFUSED: return incident::connection_refused;
        case ETIMEDOUT: return incident::connection_timeout;
        case EAGAIN:
        case EADDRNOTAVAIL: return incident::no_local_port;
        case EMFILE:
        case ENFILE: return incident::out_of_descriptors;
        default: return http::is_own_trouble(error) ? incident::out_of_memory : incident::destination_unroutable;
    }
}

incident incident_of_head(http::parse_errc e) noexcept {
    switch (e) {
        case http::parse_errc::head_too_large:
        case http::parse_errc::too_many_fields:
        case http::parse_errc::start_line_too_long: return incident::response_head_too_large;
        case http::parse_errc::transfer_coding_unknown: return incident::response_coding_unknown;
        default: return incident::response_malformed;
    }
}

bool is_chunked(const http::request_head& request) noexcept {
    return request.body().kind == http::framing::chunked;
}

}  // namespace

// -- A connection ------------------------------------------------------------------------------------

void attempt::start(const attempt_order& order) {
    order_ = order;
    at_ = {};
    at_.began = now();
    stage_ = stage::connecting;
    if (!lease_) return fail(incident::no_endpoint);
    endpoint_name_ = lease_->target().address();
    connect();
}

void attempt::connect() {
    stage_ = stage::connecting;
    origin_ = thread_.connections_to(*order_.to, lease_->target());
    if (origin_ == nullptr) return fail(incident::dns_error);
    if (origin_->in_use.fetch_add(1, std::memory_order_relaxed) >= order_.to->configured.connections.max_per_endpoint) {
        drop(false);
        return fail(incident::bulkhead_full);
    }
    at_.moves = origin_->moves;
    if (!at_.must_be_fresh) connection_ = origin_->idle.take();
    at_.fresh = connection_ == nullptr;
    if (at_.fresh) return dial(origin_->addresses.size());
    connection_->notify(http::on<&attempt::edge>(this));
    connected();
}

// Connects anew; so many of the name's addresses are left to be tried.
void attempt::dial(std::size_t addresses) {
    at_.untried = addresses - 1;
    connection_ =
        std::make_unique<http::client_connection>(thread_.loop(), thread_.memory(), thread_.response_limits());
    connection_->notify(http::on<&attempt::edge>(this));
    if (const auto refused = connection_->connect(origin_->at())) return not_connected(refused.value());
    arm(std::min(saturating_add(now(), order_.route->timeout.connect), order_.clocks->deadline()));
}

void attempt::not_connected(int error) {
    // A port may be free towards another address, or there is none of this one's family.
    const bool another_may_do = error == EAGAIN || error == EADDRNOTAVAIL;
    if (http::is_own_trouble(error) && !another_may_do) return fail(incident_of_connect(error));
    origin_->turn_away();
    if (at_.untried > 0) return dial(at_.untried);
    fail(incident_of_connect(error));
}

void attempt::edge() {
    switch (stage_) {
        case stage::connecting: {
            std::error_code why;
            const auto progress = connection_->connecting(why);
            if (progress == http::stream_socket::progress::established) return connected();
            if (progress == http::stream_socket::progress::failed) not_connected(why.value());
            return;
        }
        case stage::asking: {
            const bool waited = connection_->unsent() > 0;
            if (connection_->flush() && connection_->unsent() == 0) {
                if (!at_.request_closed && !send_body()) return;
                if (waited && at_.request_closed) await_first_byte();
            }
            return read_heads();
        }
        case stage::answered: return owner_.stirred(*this);
        case stage::none: return;
    }
}

// Whether the request may be sent again: nothing of it is lost, and doing it twice does no harm.
bool attempt::may_repeat() const noexcept {
    return order_.body->is_kept() && (is_untouched() || http::is_idempotent(order_.client->request().method()));
}

// The origin closed before a response. On a connection that was used before, it may just have grown tired of it: that
// is nobody's failure, and the request is sent once more where it does no harm.
void attempt::connection_lost() {
    client_came();
    if (connection_->has_own_trouble()) return fail(incident::out_of_memory);
    if (at_.fresh || connection_->heard()) return fail(incident::connection_terminated);
    if (!may_repeat() || at_.must_be_fresh) return fail(incident::reuse_race);
    drop(false);
    at_.must_be_fresh = at_.replay = true;
    connect();
}

void attempt::drop(bool reuse) noexcept {
    if (origin_ != nullptr) origin_->in_use.fetch_sub(1, std::memory_order_relaxed);
    if (connection_) {
        connection_->notify({});
        if (reuse && at_.moves == origin_->moves) origin_->idle.give(std::move(connection_));
        connection_.reset();
    }
    origin_ = nullptr;
}

void attempt::finish(bool reuse) noexcept {
    drop(reuse && connection_ && connection_->reusable());
    rest();
}

void attempt::rest() noexcept {
    timer_.disarm();
    lease_.reset();
    drop(false);
    stage_ = stage::none;
}

// -- The request goes out ----------------------------------------------------------------------------

void attempt::connected() {
    stage_ = stage::asking;
    at_.request_closed = false;
    send_head();
    const time_point deadline = order_.clocks->deadline();
    arm(at_.await_continue ? std::min(saturating_add(now(), continue_wait), deadline) : deadline);
    if (!at_.await_continue) send_body();
}

void attempt::send_head() {
    const http::request_head& head = order_.client->request();
    // The protocol cannot change in the middle of a message (RFC 9110, section 7.8), so one with a body is not asked
    // to.
    const bool has_body = is_chunked(head) || head.body().bytes > 0;
    const bool upgrades = !has_body && head.upgrade() && upgrade_allowed(head, order_.route->upgrade);
    connection_->begin_request({head.method() == http::method_id::head, upgrades});
    at_.await_continue = head.expects_continue() && !order_.client->body_complete();
    std::string& lines = thread_.scratch_text();
    lines.clear();
    if (line_writer conditions{lines}; order_.validates) add_conditions(*order_.validates, conditions);
    const configuration& all = thread_.serves().configured();
    http::gather out;
    forwarded_request(out, lines, thread_.scratch_line(), head,
                      {.client = *order_.client,
                       .trusted = all.trusted_proxies,
                       .pseudonym = thread_.pseudonym(),
                       .host = order_.route->rewrite_host,
                       .default_host = order_.route->upstream,
                       .span = child_of(order_.notes->trace, thread_.random().next()),
                       .keeps_trace_state = order_.notes->keeps_trace_state,
                       .request_id = order_.notes->request_id(),
                       .keeps_underscores = all.keep_underscores,
                       .upgrade = upgrades,
                       .validates = order_.validates != nullptr});
    (void)connection_->send(out.pieces());
}

void attempt::client_ready() {
    if (stage_ != stage::asking) return;
    if (!at_.await_continue && !at_.request_closed && connection_->unsent() == 0 && !send_body()) return;
    read_heads();
}

// The client's slowness is not the attempt's: while its body is waited for, only the clock of the whole call runs.
void attempt::await_client() {
    at_.awaits_client_since = now();
    arm(order_.whole_call_ends);
}

void attempt::client_came() {
    if (!at_.awaits_client_since) return;
    const duration waited = now() - *std::exchange(at_.awaits_client_since, std::nullopt);
    at_.began += waited;
    const time_point deadline = order_.clocks->deadline();
    order_.clocks->set_deadline(std::max(deadline, std::min(saturating_add(deadline, waited), order_.whole_call_ends)));
    arm(order_.clocks->deadline());
}

void attempt::send_parts(std::span<const iovec> parts) {
    const http::chunk_line line{size_of(parts)};
    http::gather out;
    add_parts(out, parts, is_chunked(order_.client->request()) ? &line : nullptr);
    (void)connection_->send(out.pieces());
}

// False when the request is broken, which has been told. A broken connection shows itself when the response is read:
// the origin may have answered before it closed.
bool attempt::send_body() {
    client_came();
    if (std::exchange(at_.replay, false)) {
        const std::string_view kept = order_.body->kept();
        const iovec all{const_cast<char*>(kept.data()), kept.size()};
        if (!kept.empty()) send_parts({&all, 1});
    }
    while (connection_->unsent() == 0) {
        bool fits = true;
        const auto status = order_.client->read_body([&](std::span<const iovec> parts) {
            fits = fits && order_.body->take(parts, order_.keeps_body || !at_.fresh);
            if (fits) send_parts(parts);
        });
        if (!fits) return owner_.request_broken(incident::request_too_large), false;
        switch (status) {
            case http::body_status::more: continue;
            case http::body_status::blocked: await_client(); return true;
            case http::body_status::complete: finish_body(); return true;
            default: return owner_.request_broken(incident::client_malformed), false;
        }
    }
    return true;
}

void attempt::finish_body() {
    at_.request_closed = true;
    if (is_chunked(order_.client->request())) {
        http::gather out;
        add_last_chunk(out, order_.client->trailers());
        (void)connection_->send(out.pieces());
    }
    connection_->request_complete();
    owner_.request_whole();
    await_first_byte();
}

// All of the request is on its way, and when the origin has taken it, the clock of its answer begins.
void attempt::await_first_byte() {
    const duration wait = order_.route->timeout.first_byte;
    if (wait == duration::max() || connection_->unsent() > 0 || connection_->response_begun()) return;
    arm(std::min(saturating_add(now(), wait), order_.clocks->deadline()));
}

// -- The response comes ------------------------------------------------------------------------------

void attempt::read_heads() {
    while (order_.client->unsent() == 0) {  // else a flood of interim responses would fill the memory
        switch (connection_->read_head()) {
            case http::head_status::blocked:
                if (connection_->response_begun() && !at_.await_continue) {
                    client_came();
                    arm(order_.clocks->deadline());
                }
                return;
            case http::head_status::refused: return fail(incident_of_head(connection_->head_error()));
            case http::head_status::closed: return connection_lost();
            case http::head_status::complete:
                if (!connection_->head().interim()) return take_head();
                if (!take_interim()) return;
        }
    }
}

// False when the request turned out to be broken.
bool attempt::take_interim() {
    const bool go_on = connection_->head().status() == 100;
    if (go_on) at_.await_continue = false;
    owner_.interim(*this);
    connection_->next_head();
    if (!at_.await_continue) arm(order_.clocks->deadline());
    return !go_on || at_.request_closed || send_body();
}

void attempt::take_head() {
    client_came();
    const http::response_head& head = connection_->head();
    if (head.status() == 101 && !switches_as_asked(order_.client->request(), head))
        return fail(incident::upgrade_failed);
    attempt_report how = report();
    how.status = head.status();
    if (const auto field = head.find(http::field_id::retry_after)) {
        const auto wall = std::chrono::system_clock::now().time_since_epoch();
        how.retry_after = parse_retry_after(*field, std::chrono::duration_cast<std::chrono::seconds>(wall).count());
    }
    timer_.disarm();
    stage_ = stage::answered;
    owner_.answered(*this, how);
}

// -- The end -----------------------------------------------------------------------------------------

attempt_report attempt::report() const noexcept {
    attempt_report how;
    how.took = now() - at_.began;
    how.untouched = is_untouched();
    how.body_kept = order_.body->is_kept();
    return how;
}

void attempt::fail(incident what, bool own_pause) {
    client_came();
    attempt_report how = report();
    how.what = what;
    how.own_pause = own_pause;
    timer_.disarm();
    stage_ = stage::none;
    owner_.failed(*this, how);
}

void attempt::expired() {
    const bool over = now() >= order_.clocks->deadline();
    // This process was stopped, or its loop starved, for more than half of the time that the origin should have had.
    const bool own_pause = now() - timer_.at() > (timer_.at() - at_.began) / 2;
    switch (stage_) {
        case stage::connecting: origin_->turn_away(); return fail(incident::connection_timeout, own_pause);
        case stage::asking:
            if (at_.awaits_client_since && !connection_->response_begun()) {
                if (now() >= order_.whole_call_ends) return owner_.request_broken(incident::client_slow);
                return arm(order_.whole_call_ends);
            }
            if (at_.await_continue &&
                !over) {  // the origin says nothing to the expectation: the body goes all the same
                at_.await_continue = false;
                arm(order_.clocks->deadline());
                send_body();
                return;
            }
            return fail(connection_->unsent() > 0 ? incident::connection_write_timeout : incident::response_timeout,
                        own_pause);
        case stage::answered: return owner_.silent(*this);
        case stage::none: return;
    }
}

}  // namespace fusebox::gateway
