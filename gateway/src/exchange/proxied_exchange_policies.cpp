// Policies that a request does not share with all others of its route: those of its key.
#include "exchange/proxied_exchange.hpp"
#include "messages/request_text.hpp"

#include "text/policy_key.hpp"

namespace fusebox::gateway {

// The route's policies, with the request's own in their places.
void proxied_exchange::gather_policies() {
    policies_ = route_->policies.parts();
    if (!route_->breaker_of && !route_->limit_of) return;
    own_policies_.assign(policies_.begin(), policies_.end());
    policies_ = own_policies_;
    const auto key_by = [this](const request_key& by) {
        return request_text(by, *client_, thread_.serves().configured(), thread_.scratch_line());
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
}

// The breaker that this request goes through, or null.
const circuit_breaker* proxied_exchange::breaker_of_request() const noexcept {
    if (route_->chooses_first) return last_->own_breaker();
    if (route_->breaker_at >= policies_.size()) return nullptr;
    return std::get<std::shared_ptr<circuit_breaker>>(policies_[route_->breaker_at]).get();
}

}  // namespace fusebox::gateway
