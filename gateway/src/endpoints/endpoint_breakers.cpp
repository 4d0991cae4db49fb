#include "endpoints/endpoint_breakers.hpp"

#include "endpoints/address_book.hpp"

namespace fusebox::gateway {

endpoint_breakers::endpoint_breakers(const upstream_configuration& u, upstream& told,
                                     const circuit_breaker_options& options, const monotonic_clock* time) {
    const auto shared = std::make_shared<const circuit_breaker_options>(options);
    for (const endpoint_configuration& e : u.endpoints) {
        auto breaker = std::make_shared<circuit_breaker>(u.name + "/" + text_of(e.address), shared, time);
        const auto id = std::string_view{breaker->name()}.substr(u.name.size() + 1);
        auto listens = breaker->subscribe(
            [&told, id](const circuit_event& what) {
                if (what.is_virtual) return;  // of metrics_only: no call is refused
                const time_point due =
                    what.to == circuit_state::open ? saturating_add(what.at, what.retry_after) : time_point::max();
                told.set_breaker(id, what.to, due, what.at);
            },
            transition_events);
        by_id_.emplace(id, watched{std::move(breaker), std::move(listens)});
    }
}

std::shared_ptr<circuit_breaker> endpoint_breakers::soonest() const {
    std::shared_ptr<circuit_breaker> found;
    duration shortest = duration::max();
    for (const auto& [id, one] : by_id_) {
        const circuit_snapshot s = one.breaker->snapshot();
        const bool forced = s.state == circuit_state::forced_open;  // until somebody takes it back
        if (!forced && s.state != circuit_state::open && s.state != circuit_state::half_open) continue;
        const duration wait = forced ? duration::max() : s.retry_after;
        if (found && wait >= shortest) continue;
        found = one.breaker;
        shortest = wait;
    }
    return found;
}

}  // namespace fusebox::gateway
