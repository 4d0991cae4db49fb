// Policies that a request does not share with all others of its route: those of its key, and the breaker of the
// endpoint that is chosen for a try.
#include "proxied_exchange.hpp"
#include "request_text.hpp"

#include <fusebox/gateway/policy_key.hpp>
#include <fusebox/gateway/stable_hash.hpp>

namespace fusebox::gateway {

// The route's policies, with the request's own in their places.
std::span<const pipeline_part> proxied_exchange::policies_of_request() {
    const auto shared = route_->policies.parts();
    if (!route_->of_request()) return shared;
    own_policies_.assign(shared.begin(), shared.end());
    const auto key_by = [this](const request_key& by) {
        return request_text(by, *client_, worker_.serves().configured().trusted_proxies, worker_.scratch_line());
    };
    if (route_->limit_of) {
        const policy_key key{key_by(*route_->configured.rate_limit->per)};
        own_policies_[route_->limit_at] = route_->limit_of(key.text());
    }
    if (route_->breaker_of) {
        const std::string& header = route_->configured.circuit_breaker->scope.header;
        const policy_key key{key_by({request_key::source::header, header})};
        own_policies_[route_->breaker_at] = route_->breaker_of->get(key.text());
    }
    return own_policies_;
}

// The breaker that this request goes through, or null.
const circuit_breaker* proxied_exchange::breaker_of_request() const noexcept {
    if (route_->breaker_at == route_->policies.parts().size()) return nullptr;
    const auto parts = route_->of_request() ? std::span<const pipeline_part>{own_policies_} : route_->policies.parts();
    return std::get<std::shared_ptr<circuit_breaker>>(parts[route_->breaker_at]).get();
}

void proxied_exchange::choose_endpoint() {
    lease_ = worker_.balancer_of(*to_).pick({.hash = hash_of_request(), .tried = {tried_.data(), tried_count_}}, now());
    if (lease_ && tried_count_ < tried_.size()) tried_[tried_count_++] = &lease_->target();
}

// What a hashing balancer goes by.
std::uint64_t proxied_exchange::hash_of_request() const {
    const upstream_configuration& to = to_->configured;
    if (to.options.balance.algorithm != balancing::ring_hash && to.options.balance.algorithm != balancing::maglev)
        return 0;
    return stable_hash(
        request_text(to.hash_on, *client_, worker_.serves().configured().trusted_proxies, worker_.scratch_line()));
}

// Chooses an endpoint, and asks the policies from its breaker on.
void proxied_exchange::begin_inner_walk() {
    try_began_ = now();
    endpoint_breakers& breakers = *route_->to->breakers;
    upstream& endpoints = *route_->to->endpoints;
    choose_endpoint();
    // One that opened in this very moment is still in the choice.
    for (std::size_t i = 0; lease_ && i < tried_.size() && breakers.of(lease_->target())->is_shut(); ++i)
        choose_endpoint();
    if (!lease_ && endpoints.next_due() <= try_began_) {
        endpoints.refresh(try_began_);
        choose_endpoint();
    }
    auto breaker = lease_ ? breakers.of(lease_->target()) : breakers.soonest();
    if (!breaker) return try_failed(incident::no_endpoint);
    own_policies_[route_->breaker_at] = std::move(breaker);
    inner_.emplace(own_policies_, route_->choice_at, own_policies_.size(), *result_, state_);
    follow(untried(from_inner(inner_->start())));
}

// -- Both walks as one ------------------------------------------------------------------------------

detail::command proxied_exchange::end_walk(cancel_cause cause) {
    return inner_ ? from_inner(inner_->ended(cause), cause) : walk_->ended(cause);
}

detail::command proxied_exchange::resume_walk() {
    return inner_ ? untried(from_inner(inner_->resume())) : walk_->resume();
}

detail::command proxied_exchange::interrupt_walk() {
    return inner_ ? from_inner(inner_->interrupt(), cancel_cause::caller) : walk_->interrupt();
}

// What the inner walk has come to is a try's end to the outer one.
detail::command proxied_exchange::from_inner(detail::command c, cancel_cause cause) {
    if (c.kind != detail::command::done) return c;
    inner_.reset();
    return walk_->ended(cause);
}

// An endpoint that was chosen, and then not asked because a policy refused, is free again.
detail::command proxied_exchange::untried(detail::command c) {
    if (!inner_) lease_.reset();
    return c;
}

}  // namespace fusebox::gateway
