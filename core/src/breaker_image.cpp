// What a machine shows (snapshot) and hands on (export, import).
#include <fusebox/detail/breaker_machine.hpp>

#include <algorithm>

namespace fusebox::detail {

// What a caller at `now` would find: it would first reclaim the lost trials.
breaker_machine breaker_machine::as_found(time_point now) const {
    breaker_machine found = *this;
    found.listen(0);
    found.reclaim(now);
    if (found.needs_arming()) found.arm(now);
    return found;
}

circuit_snapshot breaker_machine::snapshot(time_point now) const {
    if (has_expired_trial(now)) return as_found(now).snapshot(now);
    circuit_snapshot s;
    s.state = state();
    s.virtual_state = mode_ == circuit_state::metrics_only ? phase_ : state();
    s.generation = generation_;
    s.window = window_.snapshot(now);
    s.consecutive_failures = consecutive_failures_;
    s.reopenings = reopenings_;
    if (s.state == circuit_state::open) s.retry_after = needs_arming() ? wait_ : std::max(duration{0}, deadline_ - now);
    s.in_state = std::max(duration{0}, now - entered_);
    s.last_rule = last_rule_;
    if (phase_ == circuit_state::half_open)
        s.half_open = {round_calls(), in_flight(), round_.successes, round_.failures, round_.slow, share()};
    s.lost_trials = lost_;
    s.totals = totals_;
    return s;
}

circuit_image breaker_machine::export_image(time_point now) const {
    if (has_expired_trial(now)) return as_found(now).export_image(now);
    const circuit_snapshot s = snapshot(now);
    circuit_image image;
    image.state = s.state;
    image.virtual_state = s.virtual_state;
    image.generation = s.generation;
    image.consecutive_failures = s.consecutive_failures;
    image.reopenings = s.reopenings;
    image.lease_doublings = lease_doublings_;
    if (phase_ == circuit_state::open)
        image.open_remaining = needs_arming() ? wait_ : std::max(duration{0}, deadline_ - now);
    window_.for_each(now, [&](duration age, const time_bucket& b) {
        image.window.push_back({age, b.successes, b.failures, b.slow});
    });
    image.totals = s.totals;
    image.totals.failures -= lost_;  // under way still: a successor will never hear of them
    return image;
}

// A new generation: the permits of before are not of this history. Trials in flight stay behind with
// the process that has them; a half-open circuit starts its round of trials afresh.
void breaker_machine::import_image(const circuit_image& image, time_point now) {
    generation_ = std::max(generation_, image.generation);
    totals_ = image.totals;
    wait_ = std::min(image.open_remaining, options_->open_max);
    const bool moded = image.state != image.virtual_state || image.state == circuit_state::disabled ||
                       image.state == circuit_state::forced_open;
    const circuit_state phase = image.state == circuit_state::disabled || image.state == circuit_state::forced_open
                                    ? circuit_state::closed
                                    : image.virtual_state;
    enter(moded ? image.state : circuit_state::closed, phase, trip_rule::operator_action, now);
    trials_.clear();  // those that were lost, too: the image does not count them
    lost_ = 0;
    if (phase == circuit_state::open) arm(now);
    consecutive_failures_ = image.consecutive_failures;
    reopenings_ = image.reopenings;
    lease_doublings_ = image.lease_doublings;
    window_.advance(now);
    window_.restore(image.window, now);
    unjudged_ = true;
}

}  // namespace fusebox::detail
