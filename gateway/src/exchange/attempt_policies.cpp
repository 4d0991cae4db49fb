// What a try goes through before it is made: the choice of its endpoint, and the policies that are its own.
#include "exchange/attempt.hpp"

#include "exchange/proxied_exchange.hpp"
#include "messages/request_text.hpp"

#include "text/stable_hash.hpp"

#include <boost/asio/post.hpp>

namespace fusebox::gateway {

void attempt::start(try_result& result, detail::walk_state& state) {
    result_ = &result;
    state_ = &state;
    ended_ = false;
    choose_endpoint();
    ask();
}

void attempt::begin(const detail::walk_state& outer) {
    result_ = &own_result_.emplace(of_.route_->rules);
    own_state_ = detail::walk_state{call_context{}, detail::step_time{thread_.time()}};
    own_state_.context.set_deadline(outer.context.deadline());
    own_state_.wake = this;
    state_ = &own_state_;
    ended_ = walk_over_ = false;
    began_ = of_.now();
    stage_ = stage::waiting;
    const route_state& route = *of_.route_;
    const auto parts = route.chooses_first ? choose_with_breaker() : of_.policies_.subspan(route.inner_at);
    if (parts.empty()) return failed(incident::no_endpoint);
    walk_.emplace(parts, 0, parts.size(), *result_, *state_);
    follow(walk_->start());
}

void attempt::follow(detail::command c) {
    switch (c.kind) {
        case detail::command::invoke:
            if (!of_.route_->chooses_first) choose_endpoint();
            return ask();
        case detail::command::sleep:
        case detail::command::queue:
            stage_ = stage::waiting;
            queued_ = c.kind == detail::command::queue;
            return arm(c.until);
        case detail::command::done:
            walk_over_ = true;
            stage_ = stage::none;
            lease_.reset();  // an endpoint that was chosen, and then not asked, is free again
            return end();
    }
}

// From any thread.
void attempt::wake() noexcept {
    boost::asio::post(thread_.io(), [this, mine = of_.use_.load(std::memory_order_relaxed)] {
        const bool still = of_.use_.load(std::memory_order_relaxed) == mine;
        if (still && stage_ == stage::waiting && queued_) follow(walk_->resume());
    });
}

detail::ending attempt::leave(cancel_cause cause) {
    if (!walk_) return result_->judge();
    if (!walk_over_) end_walk(cause);
    const detail::ending how = walk_->last();
    walk_.reset();
    return how;
}

void attempt::cancel(incident why, cancel_cause cause) {
    timer_.disarm();
    state_->context.set_deadline(time_point::max());  // whatever clock has run out, it is not what ended this
    if (stage_ != stage::waiting) result_->failed(why, false, of_.now() - began_);
    if (walk_ && !walk_over_) end_walk(cause);
    rest();
}

void attempt::end_walk(cancel_cause cause) {
    auto c = stage_ == stage::waiting ? walk_->interrupt() : walk_->ended(cause);
    while (c.kind != detail::command::done) c = walk_->interrupt();
    walk_over_ = true;
}

bool attempt::is_trial() const noexcept {
    const circuit_breaker* const breaker = of_.route_->chooses_first ? own_breaker() : of_.breaker_of_request();
    return (lease_ && lease_->is_trial()) || (breaker != nullptr && breaker->state() == circuit_state::half_open);
}

const circuit_breaker* attempt::own_breaker() const noexcept {
    if (own_policies_.empty()) return nullptr;
    const std::size_t at = of_.route_->breaker_at - of_.route_->inner_at;
    return std::get<std::shared_ptr<circuit_breaker>>(own_policies_[at]).get();
}

// -- The endpoint ------------------------------------------------------------------------------------

// One that is full is passed over, unless all are.
void attempt::choose_endpoint() {
    const std::uint64_t hash = hash_of_request();
    for (std::size_t i = 0; i < of_.most_tried; ++i) {
        const pick_request wanted{.hash = hash, .tried = of_.tried(), .may_be_trial = number_ == 1};
        lease_ = thread_.balancer_of(*of_.to_).pick(wanted, of_.now());
        if (!lease_) return;
        of_.note_tried(lease_->target());
        if (!of_.to_->is_full(lease_->target())) return;
    }
}

// What a hashing balancer goes by.
std::uint64_t attempt::hash_of_request() const {
    const upstream_configuration& to = of_.to_->configured;
    if (to.options.balance.algorithm != balancing::ring_hash && to.options.balance.algorithm != balancing::maglev)
        return 0;
    return stable_hash(request_text(to.hash_on, *of_.client_, thread_.serves().configured(), thread_.scratch_line()));
}

std::span<const pipeline_part> attempt::choose_with_breaker() {
    const upstream_state& to = *of_.route_->to;
    endpoint_breakers& breakers = *to.breakers;
    choose_endpoint();
    // One that opened in this very moment is still in the choice.
    for (std::size_t i = 0; lease_ && i < of_.most_tried && breakers.of(lease_->target())->is_shut(); ++i)
        choose_endpoint();
    if (!lease_ && to.endpoints->next_due() <= began_) {
        to.endpoints->refresh(began_);
        choose_endpoint();
    }
    auto breaker = lease_ ? breakers.of(lease_->target()) : breakers.soonest();
    if (!breaker) return {};
    const auto row = of_.policies_.subspan(of_.route_->inner_at);
    own_policies_.assign(row.begin(), row.end());
    own_policies_[of_.route_->breaker_at - of_.route_->inner_at] = std::move(breaker);
    return own_policies_;
}

}  // namespace fusebox::gateway
