#include "proxied_exchange.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace fusebox::gateway {

namespace {

constexpr duration continue_wait = std::chrono::seconds{1};  // RFC 9110, section 10.1.1

bool is_idempotent(http::method_id m) noexcept {
    switch (m) {
        case http::method_id::get:
        case http::method_id::head:
        case http::method_id::put:
        case http::method_id::delete_:
        case http::method_id::options:
        case http::method_id::trace: return true;
        default: return false;
    }
}

incident incident_of_connect(int error) noexcept {
    switch (error) {
        case ECONNREFUSED: return incident::connection_refused;
        case ETIMEDOUT: return incident::connection_timeout;
        case EADDRNOTAVAIL: return incident::no_local_port;
        case EMFILE:
        case ENFILE: return incident::out_of_descriptors;
        default: return incident::destination_unroutable;
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

}  // namespace

// -- The walk ----------------------------------------------------------------------------------------

http::exchange* proxied_exchange::begin(http::server_connection& client, route_state& route) {
    const std::uint32_t mine = use_.load(std::memory_order_relaxed) + 1;
    use_.store(mine, std::memory_order_relaxed);
    client_ = &client;
    route_ = &route;
    to_ = route.to;
    stage_ = stage::waiting;
    notes_.begin(client.request(), worker_.random(), now());
    state_ = detail::walk_state{call_context{}, detail::step_time{worker_.time()}};
    state_.wake = this;
    result_.emplace(route.rules);
    kept_body_.clear();
    holding_ = false;
    body_kept_ = true;
    repeatable_ = true;
    replaced_.reset();
    body_size_ = 0;
    awaits_client_since_.reset();
    walk_done_ = false;
    tried_count_ = 0;
    if (route.answers && answer_fresh()) return nullptr;
    walk_.emplace(policies_of_request(), 0, route.choice_at, *result_, state_);
    follow(walk_->start());
    return use_.load(std::memory_order_relaxed) == mine && stage_ != stage::unused ? this : nullptr;
}

void proxied_exchange::follow(detail::command c) {
    switch (c.kind) {
        case detail::command::invoke:
            if (!inner_ && route_->choice_at != route_->policies.parts().size()) return begin_inner_walk();
            return start_try();
        case detail::command::sleep:
        case detail::command::queue:
            stage_ = stage::waiting;
            queued_ = c.kind == detail::command::queue;
            return arm(c.until);
        case detail::command::done: walk_done_ = true; return finish();
    }
}

// From any thread.
void proxied_exchange::wake() noexcept {
    boost::asio::post(worker_.io(), [this, mine = use_.load(std::memory_order_relaxed)] {
        if (use_.load(std::memory_order_relaxed) == mine && stage_ == stage::waiting && queued_) follow(resume_walk());
    });
}

// The try has ended, with what it came to in result_.
void proxied_exchange::end_try(cancel_cause cause) {
    timer_.disarm();
    repeatable_ = may_repeat();
    const detail::command c = walk_done_ ? detail::command{} : end_walk(cause);
    if (lease_) lease_->settle(verdict_of(result_->meaning()), now());
    lease_.reset();
    if (holding_ && c.kind == detail::command::done) {  // the last try: its failed response is the answer
        walk_done_ = true;
        holding_ = false;
        if (fall_back()) return;
        return relay_head(upstream_->head());
    }
    holding_ = false;
    drop_connection(false);
    follow(c);
}

// The walk is done, and no response is being relayed.
void proxied_exchange::finish() {
    if (fall_back()) return;
    if (replaced_ && replaced_->what()) result_ = *replaced_;  // the first error is the one to tell
    const auto& fallback = route_->configured.fallback;
    if (fallback && fallback->then) return answer_then(*fallback->then);
    if (result_->by_chaos()) return answer_fixed({route_->configured.chaos->fault_status, "an injected fault\n"}, {});
    answer_incident(result_->what().value_or(incident::internal_error));
}

// Whether the request may be sent again: nothing of it is lost, and doing it twice does no harm.
bool proxied_exchange::may_repeat() const noexcept {
    const bool untouched = upstream_ == nullptr || upstream_->sent() == 0;
    return body_kept_ && (untouched || is_idempotent(client_->request().method()));
}

// -- A try -------------------------------------------------------------------------------------------

void proxied_exchange::start_try() {
    stage_ = stage::connecting;
    try_began_ = now();
    must_be_fresh_ = false;
    replay_ = true;
    route_counts::add(route_->counts[worker_.number()].tries);
    if (!inner_) choose_endpoint();
    ++notes_.tries;
    if (!lease_) return try_failed(incident::no_endpoint);
    notes_.endpoint = lease_->target().address();
    connect();
}

void proxied_exchange::connect() {
    stage_ = stage::connecting;
    origin_ = worker_.connections_to(*to_, lease_->target());
    if (origin_ == nullptr) return try_failed(incident::dns_error);
    if (!must_be_fresh_) upstream_ = origin_->idle.take();
    fresh_ = upstream_ == nullptr;
    if (fresh_) {
        if (origin_->open >= to_->configured.connections.max_per_endpoint) {
            origin_ = nullptr;
            return try_failed(incident::bulkhead_full);
        }
        upstream_ = std::make_unique<http::client_connection>(worker_.loop(), worker_.memory(), worker_.head_limits());
    }
    ++origin_->open;
    upstream_->notify(http::on<&proxied_exchange::upstream_stirred>(this));
    if (!fresh_) return connected();
    if (const auto failed = upstream_->connect(origin_->at)) return try_failed(incident_of_connect(failed.value()));
    connect_by_ = saturating_add(now(), route_->configured.timeout.connect);
    arm(std::min(connect_by_, state_.context.deadline()));
}

void proxied_exchange::upstream_stirred() {
    switch (stage_) {
        case stage::connecting: {
            std::error_code why;
            const auto progress = upstream_->connecting(why);
            if (progress == http::stream_socket::progress::established) return connected();
            if (progress == http::stream_socket::progress::failed) return try_failed(incident_of_connect(why.value()));
            return;
        }
        case stage::trying: {
            const std::uint32_t mine = use_;
            const bool waited = upstream_->unsent() > 0;
            if (upstream_->flush() && upstream_->unsent() == 0) {
                if (!request_closed_) send_request_body();
                else if (waited) await_first_byte();
            }
            if (use_ == mine && stage_ == stage::trying) read_heads();
            return;
        }
        case stage::relaying: return relay_body();
        case stage::tunnelling: return relay_tunnel();
        default: return;
    }
}

void proxied_exchange::connected() {
    stage_ = stage::trying;
    request_closed_ = false;
    send_request_head();
    arm(await_continue_ ? std::min(saturating_add(now(), continue_wait), state_.context.deadline())
                        : state_.context.deadline());
    if (!await_continue_) send_request_body();
}

// All of the request is on its way, and when the origin has taken it, the clock of its answer begins.
void proxied_exchange::await_first_byte() {
    const duration wait = route_->configured.timeout.first_byte;
    if (wait == duration::max() || upstream_->unsent() > 0 || upstream_->response_begun()) return;
    arm(std::min(saturating_add(now(), wait), state_.context.deadline()));
}

// The client's slowness is not the try's: while its body is waited for, only the clock of the whole call runs.
void proxied_exchange::await_client() {
    awaits_client_since_ = now();
    arm(whole_call_ends());
}

void proxied_exchange::client_came() {
    if (!awaits_client_since_) return;
    const duration waited = now() - *std::exchange(awaits_client_since_, std::nullopt);
    try_began_ += waited;
    const time_point deadline = state_.context.deadline();
    state_.context.set_deadline(std::max(deadline, std::min(saturating_add(deadline, waited), whole_call_ends())));
    arm(state_.context.deadline());
}

// A part of the client's body goes out, and is kept if another try may need it.
void proxied_exchange::send_body_part(std::span<const iovec> parts) {
    std::size_t size = 0;
    for (const iovec& p : parts) size += p.iov_len;
    body_size_ += size;
    if (body_too_large()) return;
    // For another try; or because a connection that was used before may be closing.
    const std::size_t room = route_->keeps_body || !fresh_ ? route_->configured.body_buffer : 0;
    if (kept_body_.size() + size > room) body_kept_ = false;
    if (body_kept_)
        for (const iovec& p : parts) kept_body_.append(static_cast<const char*>(p.iov_base), p.iov_len);
    send_upstream(parts, size);
}

void proxied_exchange::send_upstream(std::span<const iovec> parts, std::size_t size) {
    if (client_->request().body().kind != http::framing::chunked) {
        (void)upstream_->send(parts);
        return;
    }
    http::gather out;
    const http::chunk_line line{size};
    out.add(line.text());
    for (const iovec& p : parts) out.add({static_cast<const char*>(p.iov_base), p.iov_len});
    out.add("\r\n");
    (void)upstream_->send(out.pieces());
}

void proxied_exchange::send_request_body() {
    client_came();
    // A broken connection shows itself when the response is read: the origin may have answered before it closed.
    if (replay_) {
        replay_ = false;
        if (!kept_body_.empty()) {
            const iovec all{kept_body_.data(), kept_body_.size()};
            send_upstream({&all, 1}, kept_body_.size());
        }
    }
    while (upstream_->unsent() == 0) {
        const auto status = client_->read_body([this](std::span<const iovec> parts) { send_body_part(parts); });
        if (body_too_large()) return refuse_body();
        switch (status) {
            case http::body_status::more: continue;
            case http::body_status::blocked: return await_client();
            case http::body_status::complete:
                request_closed_ = true;
                if (client_->request().body().kind == http::framing::chunked) {
                    const iovec last{const_cast<char*>(http::last_chunk.data()), http::last_chunk.size()};
                    (void)upstream_->send({&last, 1});
                }
                upstream_->request_complete();
                return await_first_byte();
            default: return client_failed();
        }
    }
}

void proxied_exchange::read_heads() {
    const std::uint32_t mine = use_;
    while (client_->unsent() == 0) {  // else a flood of interim responses would fill the memory
        switch (upstream_->read_head()) {
            case http::head_status::blocked:
                if (upstream_->response_begun() && !await_continue_) client_came(), arm(state_.context.deadline());
                return;
            case http::head_status::refused: return try_failed(incident_of_head(upstream_->head_error()));
            case http::head_status::closed: return connection_lost();
            case http::head_status::complete:
                if (!upstream_->head().interim()) return take_head();
                take_interim();
                if (use_ != mine || stage_ != stage::trying) return;
        }
    }
}

// The origin closed before a response. On a connection that was used before, it may just have grown tired of it:
// that is nobody's failure, and the request is sent once more where it does no harm.
void proxied_exchange::connection_lost() {
    client_came();
    if (fresh_ || upstream_->response_begun()) return try_failed(incident::connection_terminated);
    if (!may_repeat() || must_be_fresh_) return try_failed(incident::reuse_race);
    drop_connection(false);
    must_be_fresh_ = true;
    replay_ = true;
    connect();
}

void proxied_exchange::take_head() {
    client_came();
    const http::response_head& head = upstream_->head();
    if (head.status() == 101) return begin_tunnel();
    const auto& retry = route_->configured.retry;
    const auto wanted = [&](const status_range& r) { return r.contains(static_cast<unsigned>(head.status())); };
    const bool again = retry && std::ranges::any_of(retry->on.statuses, wanted) && may_repeat();
    std::optional<duration> wish;
    if (const auto field = head.find(http::field_id::retry_after)) {
        const auto wall = std::chrono::system_clock::now().time_since_epoch();
        wish = parse_retry_after(*field, std::chrono::duration_cast<std::chrono::seconds>(wall).count());
    }
    result_->response(head.status(), again, now() - try_began_, wish);
    const bool replaceable = again || (route_->replaces_errors && !replaced_);
    if (!replaceable || result_->meaning() != outcome::failure) return relay_head(head);
    holding_ = true;
    end_try();
}

void proxied_exchange::try_failed(incident what, bool own_pause) {
    client_came();
    const auto& retry = route_->configured.retry;
    bool again = retry && may_repeat();
    switch (row_of(what).group) {
        case outcome_class::connect:
        case outcome_class::name_resolution: again = again && retry->on.connect_failure; break;
        case outcome_class::timeout: again = again && retry->on.timeout; break;
        case outcome_class::reset:
        case outcome_class::race: again = again && retry->on.reset; break;
        default: again = false;
    }
    result_->failed(what, again, now() - try_began_);
    if (own_pause) result_->say_nothing();
    route_counts::add(route_->counts[worker_.number()].incidents[static_cast<std::size_t>(what)]);
    end_try(now() >= state_.context.deadline() ? cancel_cause::deadline : cancel_cause::none);
}

void proxied_exchange::drop_connection(bool reuse) noexcept {
    if (origin_ != nullptr) --origin_->open;
    if (upstream_) {
        upstream_->notify({});
        if (reuse) origin_->idle.give(std::move(upstream_));
        upstream_.reset();
    }
    origin_ = nullptr;
}

// -- Time --------------------------------------------------------------------------------------------

void proxied_exchange::expired() {
    const bool over = now() >= state_.context.deadline();
    // This process was stopped, or its loop starved, for more than half of the time that the origin should have had.
    const bool own_pause = now() - timer_.at() > (timer_.at() - try_began_) / 2;
    switch (stage_) {
        case stage::waiting: return follow(resume_walk());
        case stage::connecting: return try_failed(incident::connection_timeout, own_pause);
        case stage::trying:
            if (awaits_client_since_ && !upstream_->response_begun()) {
                if (now() >= whole_call_ends()) return client_->body_late();
                return arm(whole_call_ends());
            }
            if (await_continue_ && !over) {  // the origin says nothing to the expectation: the body goes all the same
                await_continue_ = false;
                arm(state_.context.deadline());
                return send_request_body();
            }
            return try_failed(upstream_->unsent() > 0 ? incident::connection_write_timeout : incident::response_timeout,
                              own_pause);
        case stage::relaying:
        case stage::tunnelling: return relayed(false);
        case stage::unused: return;
    }
}

}  // namespace fusebox::gateway
