#include <fusebox/detail/breaker_machine.hpp>

#include <fusebox/backoff.hpp>
#include <fusebox/detail/threshold.hpp>

#include <algorithm>

namespace fusebox::detail {

namespace {

constexpr std::size_t queued_call_events = 1024;  // beyond this, call events are dropped and counted

event_kind kind_of_transition_to(circuit_state s) noexcept {
    switch (s) {
        case circuit_state::closed: return event_kind::circuit_closed;
        case circuit_state::open: return event_kind::circuit_opened;
        case circuit_state::half_open: return event_kind::circuit_half_opened;
        case circuit_state::disabled: return event_kind::circuit_disabled;
        case circuit_state::forced_open: return event_kind::circuit_forced_open;
        case circuit_state::metrics_only: break;
    }
    return event_kind::circuit_metrics_only;
}

bool is_mode(circuit_state s) noexcept {
    return s == circuit_state::disabled || s == circuit_state::forced_open || s == circuit_state::metrics_only;
}

}  // namespace

breaker_machine::breaker_machine(std::shared_ptr<const circuit_breaker_options> options, std::uint64_t seed,
                                 time_point now)
    : options_(std::move(options)), window_(options_->window, now), random_(seed), entered_(now) {
    const circuit_state initial = options_->initial_state;
    (is_mode(initial) ? mode_ : phase_) = initial;
    if (phase_ == circuit_state::open) wait_ = draw_wait({});
    trials_.reserve(options_->half_open_concurrency);
}

// -- Admission ---------------------------------------------------------------------------------------

admission breaker_machine::admit(time_point now) {
    if (mode_ == circuit_state::disabled) return {true, {}, {generation_}};
    if (mode_ == circuit_state::forced_open) return {};
    reclaim(now);
    admission answer;
    if (phase_ == circuit_state::open) {
        if (!needs_arming() && now >= deadline_) half_open(now);
        else answer.retry_after = needs_arming() ? wait_ : deadline_ - now;
    }
    if (phase_ == circuit_state::closed) answer = {true, {}, {generation_}};
    if (phase_ == circuit_state::half_open) try_trial(now, answer);
    if (!answer.permitted && mode_ == circuit_state::metrics_only) {
        ++totals_.would_reject;
        answer = {true, {}, {generation_, ticket::shadow}};
    }
    return answer;
}

void breaker_machine::try_trial(time_point now, admission& answer) {
    if (in_flight() >= round_concurrency() || in_flight() + round_.settled() >= round_calls()) return;
    round_.credit += share();
    if (round_.credit < 1.0 - 1e-9) return;  // ten times 0.1 is a little less than 1
    round_.credit -= 1.0;
    last_trial_ = last_trial_ + 1 < ticket::shadow ? last_trial_ + 1 : 1;
    trials_.push_back({last_trial_, now, lease_end(now)});
    answer = {true, {}, {generation_, last_trial_}};
}

duration breaker_machine::lease() const noexcept {
    return exponential_backoff(options_->trial_lease, 2.0, duration::max(), lease_doublings_);
}

time_point breaker_machine::lease_end(time_point since) const noexcept {
    const duration term = lease();
    return term == duration{0} ? time_point::max() : saturating_add(since, term);
}

bool breaker_machine::has_expired_trial(time_point now) const noexcept {
    return std::any_of(trials_.begin(), trials_.end(), [&](const trial& t) { return !t.is_lost() && t.lease <= now; });
}

// A trial that outlived its lease counts as failed, and makes the next lease twice as long: otherwise
// an upstream that is healthy but slower than the lease would never be believed.
void breaker_machine::reclaim(time_point now) {
    while (phase_ == circuit_state::half_open && has_expired_trial(now)) {
        std::find_if(trials_.begin(), trials_.end(), [&](const trial& t) {
            return !t.is_lost() && t.lease <= now;
        })->lease = trial::over;
        ++lost_;
        lease_doublings_ = circuit_image::advanced(lease_doublings_);
        ++totals_.trials_reclaimed;
        push(describe(event_kind::trial_reclaimed, now));
        ++totals_.failures;
        consecutive_failures_ = circuit_image::advanced(consecutive_failures_);
        ++round_.failures;
        conclude_round(true, {}, now);
    }
}

// -- Settling ----------------------------------------------------------------------------------------

breaker_machine::returned breaker_machine::take_back(ticket permit) {
    const auto found =
        std::find_if(trials_.begin(), trials_.end(), [&](const trial& t) { return t.id == permit.trial; });
    if (found == trials_.end()) return returned::unknown;
    const returned how = found->is_lost() ? returned::reclaimed : returned::in_time;
    lost_ -= found->is_lost();
    trials_.erase(found);
    return how;
}

bool breaker_machine::settle(ticket permit, const settlement& how, time_point now) {
    reclaim(now);
    const bool is_trial = permit.trial != 0 && permit.trial != ticket::shadow;
    const returned how_back = is_trial ? take_back(permit) : returned::in_time;
    if (permit.generation != generation_ || how_back != returned::in_time) {
        // One call is counted once: what was taken for a failure has turned out to be late.
        if (how_back == returned::reclaimed) --totals_.failures;
        ++totals_.late_results;
        return false;
    }
    if (mode_ == circuit_state::disabled) return false;
    if (!how.outcome) {
        ++totals_.abandoned;
        return false;
    }
    if (*how.outcome == verdict::ignored) {
        ++totals_.ignored;
        note_call(event_kind::call_ignored, {}, now);
        return false;
    }
    const bool failed = *how.outcome == verdict::failure;
    ++(failed ? totals_.failures : totals_.successes);
    totals_.slow_calls += how.slow;
    note_call(failed ? event_kind::call_failed : event_kind::call_succeeded, {}, now);
    if (permit.trial == ticket::shadow) return false;

    consecutive_failures_ = failed ? circuit_image::advanced(consecutive_failures_) : 0;
    if (phase_ == circuit_state::half_open) record_trial(failed, how.slow, how.wish(), now);
    else record_closed(failed, how.slow, how.wish(), now);
    return options_->trip_when && phase_ == circuit_state::closed && permit.generation == generation_;
}

void breaker_machine::record_closed(bool failed, bool slow, std::optional<duration> wish, time_point now) {
    window_.record(failed, slow, now);
    unjudged_ = false;
    if (const trip_rule rule = fired_rule(); rule != trip_rule::none) open(rule, wish, now);
}

std::uint32_t breaker_machine::minimum_calls() const noexcept {
    if (options_->minimum_calls) return *options_->minimum_calls;
    const auto* counted = std::get_if<count_window>(&options_->window);
    return counted ? std::min(20u, counted->size) : 20u;
}

trip_rule breaker_machine::fired_rule() const noexcept {
    const circuit_breaker_options& o = *options_;
    const window_snapshot w = window_.snapshot();
    if (o.consecutive_failures && consecutive_failures_ >= *o.consecutive_failures)
        return trip_rule::consecutive_failures;
    const bool enough = w.calls >= minimum_calls();
    if (o.failure_count_threshold && w.failures >= *o.failure_count_threshold && (enough || !o.count_needs_minimum))
        return trip_rule::failure_count;
    if (!enough) return trip_rule::none;
    if (const auto rate = o.effective_failure_rate(); rate && reaches(*rate, w.failures, w.calls))
        return trip_rule::failure_rate;
    if (w.slow_calls == 0) return trip_rule::none;
    const auto rate = o.effective_slow_call_rate();
    return rate && reaches(*rate, w.slow_calls, w.calls) ? trip_rule::slow_call_rate : trip_rule::none;
}

void breaker_machine::trip(std::uint64_t generation, const settlement& how, time_point now) {
    if (generation == generation_ && phase_ == circuit_state::closed) open(trip_rule::custom, how.wish(), now);
}

void breaker_machine::trip(trip_rule why, time_point now) {
    const bool judges = mode_ == circuit_state::closed || mode_ == circuit_state::metrics_only;
    if (judges && phase_ == circuit_state::closed) open(why, {}, now);
}

void breaker_machine::record_trial(bool failed, bool slow, std::optional<duration> wish, time_point now) {
    ++(failed ? round_.failures : round_.successes);
    round_.slow += slow;
    conclude_round(false, wish, now);
}

void breaker_machine::conclude_round(bool by_lease, std::optional<duration> wish, time_point now) {
    if (const trip_rule rule = round_verdict(); rule != trip_rule::none) {
        open(by_lease ? trip_rule::trial_lost : rule, wish, now);
    } else if (round_passed()) {
        if (round_.step == options_->ramp.shares.size()) {
            close(trip_rule::none, now);
        } else {
            round_ = {.step = round_.step + 1};
            push(describe(event_kind::ramp_advanced, now));
        }
    }
}

// Why the round of trials has failed, or none. With a success threshold only what it still needs
// counts; without one, the failures' share of the whole round, so that the answer can come early.
trip_rule breaker_machine::round_verdict() const noexcept {
    const circuit_breaker_options& o = *options_;
    const std::uint32_t n = round_calls();
    if (const auto rate = o.effective_slow_call_rate(); rate && round_.slow >= calls_required(*rate, n))
        return trip_rule::trial_slow;
    if (o.half_open_successes && round_.step == 0)
        return round_.successes + (n - std::min(n, round_.settled())) < *o.half_open_successes ? trip_rule::trial_failed
                                                                                               : trip_rule::none;
    const auto rate = o.effective_failure_rate();
    return round_.failures >= (rate ? calls_required(*rate, n) : 1) ? trip_rule::trial_failed : trip_rule::none;
}

bool breaker_machine::round_passed() const noexcept {
    if (options_->half_open_successes && round_.step == 0) return round_.successes >= *options_->half_open_successes;
    return round_.settled() >= round_calls();
}

// -- Transitions -------------------------------------------------------------------------------------

void breaker_machine::open(trip_rule rule, std::optional<duration> wish, time_point now) {
    reopenings_ = phase_ == circuit_state::half_open ? circuit_image::advanced(reopenings_) : 0;
    ++(mode_ == circuit_state::metrics_only ? totals_.virtual_openings : totals_.openings);
    wait_ = draw_wait(wish);
    deadline_ = unarmed;
    enter(mode_, circuit_state::open, rule, now);
}

void breaker_machine::half_open(time_point now) {
    enter(mode_, circuit_state::half_open, trip_rule::none, now);
}

void breaker_machine::close(trip_rule rule, time_point now) {
    reopenings_ = lease_doublings_ = consecutive_failures_ = 0;
    enter(mode_, circuit_state::closed, rule, now);
}

void breaker_machine::operate(circuit_state target, time_point now) {
    const circuit_state mode = is_mode(target) ? target : circuit_state::closed;
    if (mode != circuit_state::closed && mode == mode_) return;
    reopenings_ = lease_doublings_ = consecutive_failures_ = 0;
    enter(mode, circuit_state::closed, trip_rule::operator_action, now);
}

void breaker_machine::poll(time_point now) {
    if (mode_ == circuit_state::disabled || mode_ == circuit_state::forced_open) return;
    reclaim(now);
    if (options_->automatic_half_open && phase_ == circuit_state::open && !needs_arming() && now >= deadline_)
        half_open(now);
}

void breaker_machine::enter(circuit_state mode, circuit_state phase, trip_rule rule, time_point now) {
    const bool is_virtual = mode == circuit_state::metrics_only && mode_ == mode && rule != trip_rule::operator_action;
    const circuit_state from = is_virtual ? phase_ : state();
    mode_ = mode;
    phase_ = phase;
    circuit_event e = describe(kind_of_transition_to(is_virtual ? phase : state()), now);
    e.from = from;
    e.to = is_virtual ? phase : state();
    e.rule = last_rule_ = rule;
    e.is_virtual = is_virtual;
    e.generation = generation_ = generation_ < circuit_image::last_generation ? generation_ + 1 : 1;
    if (phase == circuit_state::open) e.retry_after = wait_;
    window_.clear();
    round_ = {};
    std::erase_if(trials_, [](const trial& t) { return !t.is_lost(); });
    unjudged_ = false;
    entered_ = now;
    push(e);
}

void breaker_machine::reconfigure(std::shared_ptr<const circuit_breaker_options> options, time_point now,
                                  const threshold_nudge* nudge) {
    const auto old = std::exchange(options_, std::move(options));
    if (old->window != options_->window) window_.reshape(options_->window, now);
    unjudged_ = true;
    if (old->trial_lease != options_->trial_lease)
        for (trial& t : trials_)
            if (!t.is_lost()) t.lease = lease_end(t.since);
    // A shorter ramp: go on with its last step.
    round_.step = std::min(round_.step, static_cast<std::uint32_t>(options_->ramp.shares.size()));
    circuit_event e = describe(nudge ? event_kind::thresholds_adjusted : event_kind::circuit_reconfigured, now);
    if (nudge) {
        e.window = nudge->observed;
        e.threshold_factor = nudge->factor;
    }
    push(e);
    // A shorter round may be over already, and then no verdict would come to end it.
    if (phase_ == circuit_state::half_open) conclude_round(false, {}, now);
}

duration breaker_machine::own_wait() noexcept {
    const circuit_breaker_options& o = *options_;
    return jittered(exponential_backoff(o.open_for, o.open_multiplier, o.open_cap, reopenings_), o.open_jitter,
                    random_.unit());
}

// A service that is down must not be able to switch its breaker off by asking to be called again at once:
// a wish lengthens the wait, and shortens it only where open_min says how far. Zero, or a past date, is none.
duration breaker_machine::draw_wait(std::optional<duration> wish) noexcept {
    const circuit_breaker_options& o = *options_;
    if (wish && *wish <= duration{0}) wish.reset();
    duration wait = own_wait();
    if (wish) wait = o.open_min > duration{0} ? *wish : std::max(wait, *wish);
    return std::clamp(wait, o.open_min, o.open_max);
}

bool breaker_machine::indifferent_to_success() const noexcept {
    return phase_ == circuit_state::closed && mode_ == circuit_state::closed && !unjudged_ && !options_->trip_when &&
           window_.indifferent_to_success(minimum_calls());
}

// -- Events ------------------------------------------------------------------------------------------

circuit_event breaker_machine::describe(event_kind kind, time_point now) const {
    circuit_event e;
    e.kind = kind;
    e.from = e.to = state();
    e.generation = generation_;
    e.window = window_.snapshot();
    e.consecutive_failures = consecutive_failures_;
    e.at = now;
    return e;
}

void breaker_machine::note_call(event_kind kind, duration retry_after, time_point now) {
    if ((listened_ & static_cast<event_mask>(kind)) == 0) return;
    if (events_.size() - told_ >= queued_call_events) {
        ++totals_.dropped_events;
        return;
    }
    circuit_event e = describe(kind, now);
    e.retry_after = retry_after;
    push(e);
}

circuit_event breaker_machine::take_event() noexcept {
    const circuit_event e = events_[told_++];
    // In one go when half of them are told, so that each is moved once on the average.
    if (told_ * 2 >= events_.size()) {
        events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(told_));
        told_ = 0;
        if (events_.empty()) events_ = {};
    }
    return e;
}

void breaker_machine::push(circuit_event event) noexcept {
    event.sequence = ++sequence_;
    if ((listened_ & static_cast<event_mask>(event.kind)) == 0) return;
    try {
        events_.push_back(event);
    } catch (...) {  // out of memory: a call must not fail for that
        ++totals_.dropped_events;
    }
}

}  // namespace fusebox::detail
