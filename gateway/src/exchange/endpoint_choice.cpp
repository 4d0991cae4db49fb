#include "exchange/endpoint_choice.hpp"

#include "messages/request_text.hpp"
#include "text/stable_hash.hpp"

namespace fusebox::gateway {

std::optional<balancer::lease> endpoint_choice::pick(bool first) {
    const std::uint64_t hash = hash_of_request();
    std::optional<balancer::lease> lease;
    for (std::size_t i = 0; i < most_tried; ++i) {
        const pick_request wanted{.hash = hash, .tried = {tried_.data(), tried_count_}, .may_be_trial = first};
        lease = thread_.balancer_of(*to_).pick(wanted, thread_.loop().now());
        if (!lease) break;
        if (tried_count_ < most_tried) tried_[tried_count_++] = &lease->target();
        if (!to_->is_full(lease->target())) break;
    }
    return lease;
}

endpoint_choice::guarded endpoint_choice::pick_guarded(bool first) {
    endpoint_breakers& breakers = *to_->breakers;
    auto lease = pick(first);
    // One that opened in this very moment is still in the choice.
    for (std::size_t i = 0; lease && i < most_tried && breakers.of(lease->target())->is_shut(); ++i)
        lease = pick(first);
    const time_point now = thread_.loop().now();
    if (!lease && to_->endpoints->next_due() <= now) {
        to_->endpoints->refresh(now);
        lease = pick(first);
    }
    auto breaker = lease ? breakers.of(lease->target()) : breakers.soonest();
    return {std::move(lease), std::move(breaker)};
}

// What a hashing balancer goes by.
std::uint64_t endpoint_choice::hash_of_request() const {
    const balancing how = to_->configured.options.balance.algorithm;
    if (how != balancing::ring_hash && how != balancing::maglev) return 0;
    return stable_hash(
        request_text(to_->configured.hash_on, *client_, thread_.serves().configured(), thread_.scratch_line()));
}

}  // namespace fusebox::gateway
