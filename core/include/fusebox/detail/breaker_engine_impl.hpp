// The slow half of breaker_engine.hpp; included where the template is instantiated.
#pragma once

#include <fusebox/detail/breaker_engine.hpp>
#include <fusebox/detail/breaker_engine_events.hpp>

namespace fusebox::detail {

template <class Platform>
breaker_engine<Platform>::breaker_engine(std::string name, std::shared_ptr<const circuit_breaker_options> options,
                                         std::uint64_t seed, time_source time)
    : word_(0),
      deadline_(no_deadline),
      quiet_until_(0),
      slow_after_(0),
      time_(time),
      machine_(std::move(options), seed, time_.now()),
      name_(std::move(name)) {
    publish();
}

// -- Calls -------------------------------------------------------------------------------------------

template <class Platform>
grant breaker_engine<Platform>::admit_slowly(std::uint64_t w, const time_point* lent) {
    if ((w & word::watched) == 0) {
        if (word::state(w) == circuit_state::closed)
            return {.permitted = true, .word = w, .started = lent ? *lent : time_.now()};
        if (word::state(w) == circuit_state::disabled) return {.permitted = true, .word = w};
    }
    return admit_locked(w, lent);
}

template <class Platform>
grant breaker_engine<Platform>::admit_locked(std::uint64_t w, const time_point* lent) {
    admission answer;
    grant g;
    locked([&] {
        // Read under the lock: a thread that sleeps before it must not shorten its own trial's lease.
        const time_point now = lent ? *lent : (w & word::timed) != 0 ? time_.now() : time_.coarse_now();
        answer = machine_.admit(now);
        g.word = encoded();
        g.started = now;
        if (!answer.permitted) machine_.note_call(event_kind::call_rejected, answer.retry_after, now);
    });
    g.permitted = answer.permitted;
    g.trial = answer.permit.trial;
    g.retry_after = answer.retry_after;
    if (!g.permitted) count_rejection();
    return g;
}

template <class Platform>
void breaker_engine<Platform>::settle_slowly(std::uint64_t admitted, std::uint32_t trial, time_point started,
                                             const report* how, const time_point* lent) {
    auto* cell = cells_.local();  // before the word, as in settle()
    const std::uint64_t current = word_.load(std::memory_order_acquire);
    if (word::state(admitted) == circuit_state::disabled && current == admitted) return;

    const bool timed = (admitted & word::timed) != 0;
    const time_point now = lent ? *lent : timed ? time_.now() : time_.coarse_now();
    settlement outcome;
    if (how != nullptr) {
        outcome.outcome = how->outcome;
        outcome.retry_after = how->retry_after;
        const std::int64_t slow_after = slow_after_.load(std::memory_order_relaxed);
        if (slow_after != no_slow_calls && (how->elapsed || timed))
            outcome.slow = how->elapsed.value_or(now - started).count() >= slow_after;
        const bool quiet = (admitted & word::quiet) != 0 && current == admitted;
        if (cell != nullptr && quiet && how->outcome == verdict::success && !outcome.slow && still_quiet(&now))
            return cell->add_success(word::generation(admitted));
    }
    bool consult = false;
    window_snapshot window;
    std::shared_ptr<const circuit_breaker_options> options;
    locked([&] {
        consult = machine_.settle({word::generation(admitted), trial}, outcome, now);
        if (consult) {
            window = machine_.window();
            options = machine_.shared_options();
        }
    });
    if (consult) consult_user(word::generation(admitted), outcome, window, *options);
}

template <class Platform>
void breaker_engine<Platform>::consult_user(std::uint64_t generation, const settlement& how,
                                            const window_snapshot& window, const circuit_breaker_options& options) {
    bool trip = false, threw = false;
    try {
        trip = options.trip_when(window);
    } catch (...) {
        threw = true;
    }
    if (!trip && !threw) return;
    const time_point now = time_.now();
    locked([&] {
        if (threw) ++machine_.totals().listener_errors;
        else machine_.trip(generation, how, now);
    });
}

template <class Platform>
void breaker_engine<Platform>::count_rejection() {
    if (auto* cell = cells_.local()) [[likely]]
        return cell->add_rejection();
    const std::scoped_lock hold(lock_);
    ++machine_.totals().rejected;
}

// -- State -------------------------------------------------------------------------------------------

template <class Platform>
template <class Change>
void breaker_engine<Platform>::locked(Change change) {
    bool told = false;
    std::shared_ptr<const listener_list> of_opening;
    {
        const std::scoped_lock hold(lock_);
        absorb();
        const std::uint64_t before = machine_.generation();
        change();
        publish();
        if (machine_.generation() != before && machine_.state() == circuit_state::open) of_opening = listeners_;
        told = machine_.has_events() && takes_delivery();
    }
    if (of_opening) [[unlikely]]
        tell_opening(*of_opening);
    if (!told) return;
    wait_for_delivery();
    deliver();
}

// Brings the successes that threads counted by themselves into the machine, before anything else happens
// to it or it is looked at.
template <class Platform>
void breaker_engine<Platform>::absorb() const {
    const std::uint64_t generation = machine_.generation();
    if (absorbed_generation_ != generation) {
        absorbed_generation_ = generation;
        absorbed_ = 0;
    }
    const auto sum = cells_.template sum<std::uint64_t>(
        [&](std::uint64_t& total, const auto& cell) { total += cell.successes_in(generation); });
    machine_.absorb(sum - absorbed_);
    absorbed_ = sum;
}

template <class Platform>
std::uint64_t breaker_engine<Platform>::encoded() const noexcept {
    std::uint64_t w = static_cast<std::uint64_t>(machine_.state()) | machine_.generation() << word::generation_shift;
    const bool shut = machine_.state() == circuit_state::open || machine_.state() == circuit_state::forced_open;
    if (machine_.watches_calls()) w |= word::watched;
    else if (shut) w |= word::shut;
    else if (machine_.indifferent_to_success()) w |= word::quiet;
    if (machine_.options().slow_call_duration) w |= word::timed;
    if (machine_.is_timed()) w |= word::clocked;
    return w;
}

// Order matters. A caller that sees the open state must find its deadline, or none yet: so the deadline
// is taken away first, then the state is shown, then the clock is read. A thread that is held up
// anywhere in between makes the wait longer, never shorter.
template <class Platform>
void breaker_engine<Platform>::publish() {
    const std::uint64_t w = encoded();
    const bool arming = machine_.needs_arming();
    if (arming) deadline_.store(no_deadline, std::memory_order_release);
    const std::int64_t until = machine_.indifferent_until().time_since_epoch().count();
    if (until != quiet_until_.load(std::memory_order_relaxed)) quiet_until_.store(until, std::memory_order_relaxed);
    if (w != word_.load(std::memory_order_relaxed)) word_.store(w, std::memory_order_release);
    const auto& slow = machine_.options().slow_call_duration;
    const std::int64_t slow_after = slow ? slow->count() : no_slow_calls;
    if (slow_after != slow_after_.load(std::memory_order_relaxed))
        slow_after_.store(slow_after, std::memory_order_relaxed);
    if (arming) machine_.arm(time_.now());
    const bool open = word::state(w) == circuit_state::open;
    const std::int64_t deadline = open ? machine_.deadline().time_since_epoch().count() : no_deadline;
    if (deadline != deadline_.load(std::memory_order_relaxed)) deadline_.store(deadline, std::memory_order_release);
}

template <class Platform>
void breaker_engine<Platform>::add_cells(circuit_totals& totals) const {
    struct counts {
        std::uint64_t successes = 0, rejections = 0;
    };
    const auto all = cells_.template sum<counts>([](counts& sum, const auto& cell) {
        sum.successes += cell.successes.load(std::memory_order_acquire);
        sum.rejections += cell.rejections.load(std::memory_order_acquire);
    });
    totals.successes += all.successes;
    totals.rejected += all.rejections;
}

template <class Platform>
circuit_snapshot breaker_engine<Platform>::snapshot() const {
    circuit_snapshot s;
    {
        const std::scoped_lock hold(lock_);
        absorb();
        s = machine_.snapshot(time_.now());
        add_cells(s.totals);
    }
    s.name = name_;
    return s;
}

template <class Platform>
circuit_state breaker_engine<Platform>::state() const {
    const circuit_state s = word::state(word_.load(std::memory_order_acquire));
    return s == circuit_state::half_open ? snapshot().state : s;  // a lost trial may be due
}

template <class Platform>
std::shared_ptr<const circuit_breaker_options> breaker_engine<Platform>::options() const {
    const std::scoped_lock hold(lock_);
    return machine_.shared_options();
}

template <class Platform>
void breaker_engine<Platform>::poll() {
    locked([&] { machine_.poll(time_.now()); });
}

template <class Platform>
void breaker_engine<Platform>::operate(circuit_state target) {
    locked([&] { machine_.operate(target, time_.now()); });
}

template <class Platform>
void breaker_engine<Platform>::trip(trip_rule why) {
    locked([&] { machine_.trip(why, time_.now()); });
}

template <class Platform>
void breaker_engine<Platform>::reconfigure(std::shared_ptr<const circuit_breaker_options> options) {
    std::shared_ptr<const circuit_breaker_options> old;  // dies after the lock is released: it may hold user code
    locked([&] {
        old = machine_.shared_options();
        if (*old == *options) return;
        machine_.reconfigure(std::move(options), time_.now());
    });
}

template <class Platform>
bool breaker_engine<Platform>::adjust(const std::shared_ptr<const circuit_breaker_options>& expected,
                                      std::shared_ptr<const circuit_breaker_options> options,
                                      const threshold_nudge& nudge) {
    bool done = false;
    locked([&] {
        done = machine_.shared_options() == expected;
        if (done) machine_.reconfigure(std::move(options), time_.now(), &nudge);
    });
    return done;
}

template <class Platform>
circuit_image breaker_engine<Platform>::export_image() const {
    const std::scoped_lock hold(lock_);
    absorb();
    circuit_image image = machine_.export_image(time_.now());
    add_cells(image.totals);
    return image;
}

template <class Platform>
void breaker_engine<Platform>::import_image(const circuit_image& image) {
    locked([&] {
        machine_.import_image(image, time_.now());
        // The cells' counts are shown on top of the machine's: take out what they hold already.
        circuit_totals counted;
        add_cells(counted);
        machine_.totals().successes -= counted.successes;
        machine_.totals().rejected -= counted.rejected;
    });
}

}  // namespace fusebox::detail
