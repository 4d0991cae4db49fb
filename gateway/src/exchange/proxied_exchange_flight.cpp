// Requests that miss the same answer: one goes for it, the others wait (answer_flights.hpp).
#include "exchange/proxied_exchange.hpp"

#include <algorithm>

namespace fusebox::gateway {

// True when another has gone for the answer that this one wants, too.
bool proxied_exchange::follow_another() {
    const bool brings_a_304 = cache_asked_.conditional && !validated_;  // that is its own
    if (!cache_asked_.may_be_fresh || cache_asked_.credentials || brings_a_304) return false;
    const auto part = route_->flights->join(answer_key_, flight_);
    in_flight_ = part != answer_flights::part::none;
    if (part != answer_flights::part::waits) return false;
    stage_ = stage::following;
    walk_done_ = true;  // it has not begun
    const route_timeouts& t = route_->configured.timeout;
    arm(saturating_add(now(), std::min(t.per_try, t.total)));
    return true;
}

// The other's answer may be there, or it is this one's turn to go for it.
void proxied_exchange::flight_stirred() {
    const auto part = route_->flights->part_of(flight_);
    if (part == answer_flights::part::waits) return;
    if (part == answer_flights::part::released) {
        leave_flight();
        if (const auto kept = find_kept(); kept && is_fresh_enough(*kept)) {
            route_counts::add(route_->counts[thread_.number()].cache_shared);
            return answer_kept(*kept, {}, "fwd=uri-miss; collapsed");
        }
    }
    go_alone();
}

// As long as a try may take it has waited: it has so much less time left for one of its own.
void proxied_exchange::following_expired() {
    leave_flight();
    if (now() < saturating_add(notes_.began, route_->configured.timeout.total)) return go_alone();
    result_->failed(incident::total_timeout, false, now() - notes_.began);
    finish();
}

void proxied_exchange::go_alone() {
    timer_.disarm();
    walk_done_ = false;
    state_.context.set_deadline(saturating_add(notes_.began, route_->configured.timeout.total));
    begin_walk();
}

// Those who wait look for themselves whether the answer is there.
void proxied_exchange::land(bool may_be_kept) {
    if (!in_flight_) return;
    in_flight_ = false;
    if (route_->flights->part_of(flight_) == answer_flights::part::leads) route_->flights->land(flight_, may_be_kept);
    else route_->flights->leave(flight_);
}

// Its client is gone, or has waited long enough: those behind it do not depend on it.
void proxied_exchange::leave_flight() {
    if (!in_flight_) return;
    in_flight_ = false;
    if (route_->flights->part_of(flight_) == answer_flights::part::leads) route_->flights->hand_over(flight_);
    else route_->flights->leave(flight_);
}

}  // namespace fusebox::gateway
