// The breakers of an upstream's endpoints, one each. They tell the upstream their state, which takes an endpoint out
// of the choice while its breaker is open, and gives it trial calls afterwards.
//
// Thread-safety: all members may be called from any thread, once made.
#pragma once

#include <fusebox/gateway/configuration.hpp>
#include "endpoints/upstream.hpp"

#include <fusebox/circuit_breaker.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace fusebox::gateway {

class endpoint_breakers {
public:
    // For the endpoints of `u`, which `told` knows by their addresses. Breakers are called orders/10.0.0.1:80.
    endpoint_breakers(const upstream_configuration& u, upstream& told, const circuit_breaker_options& options,
                      const monotonic_clock* time);

    const std::shared_ptr<circuit_breaker>& of(const endpoint& e) const { return by_id_.find(e.id())->second.breaker; }

    // The one that admits a call the soonest of those that refuse; null when none does.
    std::shared_ptr<circuit_breaker> soonest() const;

    template <class Visit>
    void for_each(Visit visit) const {
        for (const auto& [id, one] : by_id_) visit(one.breaker);
    }

private:
    struct watched {
        std::shared_ptr<circuit_breaker> breaker;
        subscription listens;
    };
    std::unordered_map<std::string_view, watched> by_id_;  // the ids are in the breakers' names
};

}  // namespace fusebox::gateway
