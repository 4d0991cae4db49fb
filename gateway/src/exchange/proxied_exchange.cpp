#include "exchange/proxied_exchange.hpp"

#include <boost/asio/post.hpp>

namespace fusebox::gateway {

// -- The walk ----------------------------------------------------------------------------------------

http::exchange* proxied_exchange::begin(http::server_connection& client, route_state& route) {
    const std::uint32_t mine = use_.load(std::memory_order_relaxed) + 1;
    use_.store(mine, std::memory_order_relaxed);
    client_ = &client;
    route_ = &route;
    to_ = route.to;
    stage_ = stage::waiting;
    notes_.begin(&client.request(), thread_.random(), now());
    state_ = detail::walk_state{call_context{}, detail::step_time{thread_.time()}};
    state_.wake = this;
    result_.emplace(route.rules);
    kept_body_.clear();
    body_kept_ = true;
    repeatable_ = true;
    replaced_.reset();
    body_size_ = 0;
    walk_done_ = false;
    tried_count_ = 0;
    interim_sent_ = false;
    last_ = &first_;
    if (route.answers) {
        if (answer_fresh()) return nullptr;
        if (route.flights && follow_another()) return this;
    }
    begin_walk();
    return use_.load(std::memory_order_relaxed) == mine && stage_ != stage::unused ? this : nullptr;
}

void proxied_exchange::begin_walk() {
    gather_policies();
    walk_.emplace(policies_, 0, route_->outer_end, *result_, state_);
    follow(walk_->start());
}

void proxied_exchange::follow(detail::command c) {
    switch (c.kind) {
        case detail::command::invoke: return begin_tries();
        case detail::command::sleep:
        case detail::command::queue:
            stage_ = stage::waiting;
            queued_ = c.kind == detail::command::queue;
            return arm(c.until);
        case detail::command::done: walk_done_ = true; return finish();
    }
}

void proxied_exchange::begin_tries() {
    stage_ = stage::trying;
    last_ = &first_;
    raced_ = 1;
    if (!route_->has_inner()) return first_.start(*result_, state_);
    if (route_->hedged && client_->body_complete()) begin_race();
    first_.begin(state_);
}

// From any thread.
void proxied_exchange::wake() noexcept {
    boost::asio::post(thread_.io(), [this, mine = use_.load(std::memory_order_relaxed)] {
        if (use_.load(std::memory_order_relaxed) != mine) return;
        if (stage_ == stage::waiting && queued_) follow(walk_->resume());
        else if (stage_ == stage::following) flight_stirred();
    });
}

// An attempt has ended, with what it came to in its result. Its failed response may be the answer.
void proxied_exchange::attempt_ended(attempt& a, cancel_cause cause) {
    attempt* decides = &a;
    repeatable_ = may_repeat(a);
    detail::command c{};
    if (!walk_done_ && route_->has_inner()) {
        const detail::ending how = a.leave(cause);
        a.settle();
        decides = heard_in_race(a, how);
        if (decides == nullptr) return;  // others go on
        *result_ = decides->result();
        c = walk_->ended(decides == &a ? cause : cancel_cause::none);
    } else {
        if (!walk_done_) c = walk_->ended(cause);
        a.settle();
    }
    last_ = decides;
    if (decides->holds_answer() && c.kind == detail::command::done) {  // the last one: that is the answer
        walk_done_ = true;
        if (fall_back()) return;
        return relay_head(decides->upstream().head());
    }
    drop_attempts();
    follow(c);
}

// An attempt's response is the answer.
void proxied_exchange::take_answer(attempt& a) {
    last_ = &a;
    if (race_) end_race(a);
    const http::response_head& head = a.upstream().head();
    if (head.status() == 101) return begin_tunnel();
    if (head.status() == 304 && validated_) return answer_validated(a);
    relay_head(head);
}

// The walk is done, and no response is being relayed.
void proxied_exchange::finish() {
    if (fall_back()) return;
    if (replaced_ && replaced_->what()) result_ = *replaced_;  // the first error is the one to tell
    const auto& fallback = route_->configured.fallback;
    if (fallback && fallback->then && has_failed()) return answer_then(*fallback->then);
    if (result_->by_chaos()) return answer_incident(incident::injected_fault, route_->configured.chaos->fault_status);
    answer_incident(result_->what().value_or(incident::internal_error));
}

// RFC 9110, section 9.2.2: to ask twice has the effect of asking once.
bool proxied_exchange::is_idempotent() const noexcept {
    switch (client_->request().method()) {
        case http::method_id::get:
        case http::method_id::head:
        case http::method_id::put:
        case http::method_id::delete_:
        case http::method_id::options:
        case http::method_id::trace: return true;
        default: return false;
    }
}

bool proxied_exchange::may_repeat(const attempt& a) const noexcept {
    return body_kept_ && (a.is_untouched() || is_idempotent());
}

void proxied_exchange::keep_body(std::span<const iovec> parts, std::size_t size, bool may_close) {
    const std::size_t room = route_->keeps_body || may_close ? route_->configured.body_buffer : 0;
    if (kept_body_.size() + size > room) body_kept_ = false;
    if (body_kept_)
        for (const iovec& p : parts) kept_body_.append(static_cast<const char*>(p.iov_base), p.iov_len);
}

// Ends the walk and the attempts, whatever they are at; the upstream did nothing wrong.
void proxied_exchange::give_up(incident why) {
    timer_.disarm();
    state_.context.set_deadline(time_point::max());  // whatever clock has run out, it is not what ended this
    race_.reset();
    leave_flight();
    for_each_attempt([&](attempt& a) {
        if (a.is_running()) a.cancel(why, cancel_cause::caller);
    });
    detail::command c{};
    if (!walk_done_ && stage_ == stage::waiting) c = walk_->interrupt();
    else if (!walk_done_) {
        result_->failed(why, false, now() - notes_.began);
        c = walk_->ended(cancel_cause::caller);
    }
    while (c.kind != detail::command::done) c = walk_->interrupt();
    drop_attempts();
}

void proxied_exchange::drop_attempts() noexcept {
    for_each_attempt([](attempt& a) { a.rest(); });
}

void proxied_exchange::expired() {
    if (stage_ == stage::waiting) follow(walk_->resume());
    else if (stage_ == stage::following) following_expired();
    else if (race_) launch_by_clock();
    else if (stage_ == stage::relaying) settle_trial();
}

}  // namespace fusebox::gateway
