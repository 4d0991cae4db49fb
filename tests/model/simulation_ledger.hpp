// What really happened in a simulation, kept beside the breaker, and what must be true of it:
//   I1  no more trial calls in a generation than configured, nor more at a time
//   I2  half-open closes only after enough real successes of its own
//   I3  closed opens only after enough failures of its own generation
//   I4  an open circuit lets nobody in before the instant it was seen open plus its wait
//   I5  each transition advances the generation by one, and tells of itself once, in order
//   I6  what an operator has set is left by an operator only
//   I7  the last event told is the state that is
//   I8  a window holds only results of its own generation, and all that were settled before one looks
//   I9  trial places are neither lost nor made
// A call is known from when its admission returns until its settling begins. That is shorter than the
// breaker's own view of it, so what is counted here too often has been there too often.
#pragma once

#include "simulation_scheduler.hpp"

#include <fusebox/detail/breaker_engine.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fusebox::simulation {

inline constexpr duration tick = std::chrono::milliseconds{4};  // of the coarse clock

// The least and the most that any of the options in play allow.
struct bounds {
    std::uint32_t failures_to_open = 1, trials = 1, concurrency = 1, successes_to_close = 1, verdicts_to_close = 1;
    bool slow_rule = false;
    duration first_wait{}, wait_cap{}, lease{};  // a lease of 0 is none
    double multiplier = 1;

    static bounds of(const circuit_breaker_options& o) {
        bounds b;
        const auto* counted = std::get_if<count_window>(&o.window);
        const auto minimum = o.minimum_calls.value_or(counted ? std::min(20u, counted->size) : 20u);
        b.failures_to_open = UINT32_MAX;
        if (o.consecutive_failures) b.failures_to_open = *o.consecutive_failures;
        if (o.trip_when) b.failures_to_open = 1;
        if (o.failure_count_threshold) b.failures_to_open = std::min(b.failures_to_open, *o.failure_count_threshold);
        const auto rate = o.effective_failure_rate();
        if (rate) b.failures_to_open = std::min(b.failures_to_open, std::uint32_t(std::max(1.0, *rate * minimum)));
        b.trials = o.half_open_calls;
        b.concurrency = o.half_open_concurrency;
        // Fewer failures than would re-open: at rate r of n trials, less than r * n.
        std::uint32_t bearable = 0;
        while (rate && bearable + 1 < *rate * b.trials) ++bearable;
        b.successes_to_close = o.half_open_successes.value_or(b.trials - bearable);
        b.verdicts_to_close = o.half_open_successes.value_or(b.trials);
        b.slow_rule = o.slow_call_duration.has_value();
        b.first_wait = o.open_for;
        b.wait_cap = o.open_cap;
        if (o.trial_lease > duration{0}) b.lease = o.trial_lease - tick;  // the coarse clock begins it
        b.multiplier = o.open_multiplier;
        return b;
    }
    void widen(const bounds& o) {
        failures_to_open = std::min(failures_to_open, o.failures_to_open);
        trials = std::max(trials, o.trials);
        concurrency = std::max(concurrency, o.concurrency);
        successes_to_close = std::min(successes_to_close, o.successes_to_close);
        verdicts_to_close = std::min(verdicts_to_close, o.verdicts_to_close);
        slow_rule |= o.slow_rule;
    }
    duration wait(unsigned reopenings) const {
        duration w = first_wait;
        for (unsigned i = 0; i < reopenings; ++i) w = duration{std::int64_t(double(w.count()) * multiplier)};
        return std::min(w, wait_cap);
    }
};

class ledger {
public:
    enum class role { word, deadline, lock, other };

    explicit ledger(scheduler& s) : scheduler_(s) { current() = this; }
    ~ledger() { current() = nullptr; }
    static ledger*& current() {
        static thread_local ledger* the_current = nullptr;
        return the_current;
    }

    void require(bool holds, const char* what) {
        if (!holds) scheduler_.fail(what);
    }

    // -- What the atomics tell
    role role_of_next(bool is_signed, std::size_t size) {
        if (size == 4) return role::lock;
        if (is_signed) return std::exchange(deadline_made_, true) ? role::other : role::deadline;
        return std::exchange(word_made_, true) ? role::other : role::word;
    }
    void locked() { first_locked_.try_emplace(scheduler_.running(), scheduler_.now()); }
    void stored(role r, std::uint64_t before, std::uint64_t after) {
        if (r == role::deadline) deadline_stored(std::int64_t(after));
        if (r == role::word) word_stored(before, after);
    }

    // -- What callers tell
    struct call {
        std::uint64_t generation = 0;
        bool trial = false;
        time_point admitted{};  // not later than the breaker admitted it, and under its lock if it is a trial
    };
    struct beginning {
        std::uint64_t changes;
        circuit_state state;
    };
    beginning before_admission() {
        ++admitting;
        first_locked_.erase(scheduler_.running());
        return {changes_, state()};
    }
    call admitted(const beginning& before, const detail::grant& g) {
        --admitting;
        const call c{detail::word::generation(g.word), g.trial != 0 && g.trial != detail::ticket::shadow,
                     first_locked_[scheduler_.running()]};
        if (before.changes == changes_) {  // nothing happened meanwhile
            const bool passes = before.state == circuit_state::closed || before.state == circuit_state::disabled ||
                                before.state == circuit_state::metrics_only;
            if (passes) require(g.permitted, "a call was rejected by a circuit that lets all pass");
            if (before.state == circuit_state::forced_open || before.state == circuit_state::open)
                require(!g.permitted, "I4, I6: a call was let in by an open circuit");
        }
        if (!g.permitted) {
            ++rejected;
            require(g.retry_after >= duration{0}, "a rejection with a negative wait");
            return c;
        }
        const auto given_in = detail::word::state(g.word);
        require(given_in != circuit_state::open && given_in != circuit_state::forced_open,
                "a permit of a generation that admits nobody");
        if (c.trial) {
            epoch& e = of(c.generation);
            e.trials.push_back(c);
            e.given.push_back(c.admitted);
            require(e.trials.size() + e.trial_verdicts <= limits.trials, "I1: too many trial calls in one generation");
            const auto out = std::count_if(e.trials.begin(), e.trials.end(), [&](const call& t) {
                return limits.lease == duration{0} || scheduler_.now() < t.admitted + limits.lease;
            });
            require(std::size_t(out) <= limits.concurrency, "I1: too many trial calls at the same time");
            ++trials_given;
        }
        return c;
    }
    void settling(const call& c, std::optional<verdict> outcome, bool slow) {
        epoch& e = of(c.generation);
        if (c.trial) {
            const auto at =
                std::find_if(e.trials.begin(), e.trials.end(), [&](const call& t) { return t.admitted == c.admitted; });
            if (at != e.trials.end()) e.trials.erase(at);
            e.trial_verdicts += outcome == verdict::success || outcome == verdict::failure;
        }
        e.successes += outcome == verdict::success;
        e.failures += outcome == verdict::failure;
        e.slow += slow;
        ++begun_settling;
    }
    void settled(const call& c, std::optional<verdict> outcome) {
        of(c.generation).recorded += outcome == verdict::success || outcome == verdict::failure;
        ++ended;
    }

    // -- What observers see
    void seen(const circuit_snapshot& s) {
        const epoch& e = of(s.generation);
        require(s.window.failures <= e.failures, "I8: a window with failures of another generation");
        require(s.window.successes() <= e.successes, "I8: a window with successes of another generation");
        require(s.window.slow_calls <= s.window.calls, "a window with more slow calls than calls");
        require(s.half_open.in_flight <= limits.concurrency, "I9: more trials in flight than places");
        require(s.half_open.in_flight + s.half_open.successes + s.half_open.failures <= limits.trials,
                "I9: more trials than configured");
        const auto& t = s.totals;
        require(t.successes + t.failures + t.ignored + t.abandoned + t.late_results <= begun_settling + s.lost_trials,
                "more results than calls");
    }

    // -- What the listener hears
    void heard(const circuit_event& e) {
        require(e.sequence == last_sequence_ + 1, "I5: an event lost, doubled or out of order");
        last_sequence_ = e.sequence;
        require(e.generation <= detail::word::generation(word_), "an event before its state is visible");
        if (e.kind == event_kind::trial_reclaimed) reclaimed(e);
        if (!e.is_transition()) return;
        require(e.generation == last_told_generation_ + 1, "I5: a transition without event, or with two");
        require(e.is_virtual || e.from == told_state, "I7: an event that does not follow the one before");
        last_told_generation_ = e.generation;
        if (!e.is_virtual) told_state = e.to;
        ++transitions;
        epoch& before = of(e.generation - 1);
        require(e.window.failures <= before.failures && e.window.successes() <= before.successes,
                "I8: evidence from another generation");
        openings += e.to == circuit_state::open;
        closings += e.to == circuit_state::closed && e.from == circuit_state::half_open;
    }
    std::uint64_t told_generation() const { return last_told_generation_; }
    void listens_from(std::uint64_t generation, circuit_state s) {
        last_told_generation_ = generation;
        told_state = s;
    }

    circuit_state state() const { return detail::word::state(word_); }
    std::uint64_t generation() const { return detail::word::generation(word_); }
    std::uint64_t word() const { return word_; }
    std::uint64_t recorded_in(std::uint64_t generation) { return of(generation).recorded; }

    bounds limits{};
    std::map<int, unsigned> deliveries{};  // that a fiber is in
    std::set<int> operators{};             // the fibers that act for one now
    int admitting = 0;                     // calls whose admission has begun and not returned
    circuit_state told_state{};
    std::uint64_t rejected = 0, begun_settling = 0, ended = 0, trials_given = 0, throws = 0;
    std::uint64_t transitions = 0, openings = 0, closings = 0;
    std::function<void()> kept_back{};           // for defect::word_shown_last
    std::map<int, time_point> first_readings{};  // for defect::clock_that_stands

private:
    struct epoch {
        std::uint64_t successes = 0, failures = 0, slow = 0;  // of calls admitted in it, settling begun
        std::uint64_t recorded = 0, trial_verdicts = 0;
        std::vector<call> trials{};       // out
        std::vector<time_point> given{};  // when each of its trials was admitted
        std::uint64_t reclaimed = 0;
        time_point visible{};
        duration wait{};
    };
    epoch& of(std::uint64_t generation) {
        if (epochs_.size() <= generation) epochs_.resize(generation + 1);
        return epochs_[generation];
    }

    // Some trial's lease must be over: of those that are known, or that have just been let in.
    void reclaimed(const circuit_event& e) {
        epoch& in = of(e.generation);
        const auto over = std::count_if(in.given.begin(), in.given.end(),
                                        [&](time_point since) { return since + limits.lease <= e.at; });
        require(++in.reclaimed <= std::uint64_t(over + admitting), "a trial was reclaimed before its lease was over");
    }

    void deadline_stored(std::int64_t value) {
        deadline_ = value;
        if (value == none) return;
        require(state() == circuit_state::open, "a deadline without an open circuit");
        const epoch& e = of(generation());
        require(time_point{duration{value}} >= e.visible + e.wait, "I4: a deadline earlier than visible + wait");
    }

    void word_stored(std::uint64_t before, std::uint64_t after) {
        word_ = after;
        const auto from = detail::word::state(before), to = detail::word::state(after);
        const auto old_generation = detail::word::generation(before), generation = detail::word::generation(after);
        if (old_generation == 0) return;  // the breaker is being made
        if (generation == old_generation) return require(from == to, "I5: a state changed within a generation");
        ++changes_;
        require(generation == old_generation + 1, "I5: a generation did not advance by one");
        epoch& was = of(old_generation);
        if (operators.count(scheduler_.running()) == 0) automatic(from, to, was);
        epoch& is = of(generation);
        is.visible = scheduler_.now();
        if (to != circuit_state::open) {
            if (to != circuit_state::half_open) reopenings_ = 0;
            return;
        }
        reopenings_ = from == circuit_state::half_open ? reopenings_ + 1 : 0;
        is.wait = limits.wait(reopenings_);
        require(deadline_ == none, "I4: a circuit is seen open with a deadline that is not its own");
    }

    // A transition that no operator can have made.
    void automatic(circuit_state from, circuit_state to, const epoch& was) {
        using enum circuit_state;
        const bool slow = limits.slow_rule && was.slow > 0;
        if (from == metrics_only && to == metrics_only) return;
        if (from == closed && to == open)
            return require(was.failures >= limits.failures_to_open || slow, "I3: opened without enough failures");
        if (from == open && to == half_open)
            return require(scheduler_.now() >= was.visible + was.wait, "I4: half-open before the wait was over");
        if (from == half_open && to == open)
            return require(was.failures > 0 || slow || limits.lease > duration{0}, "re-opened without a failed trial");
        if (from == half_open && to == closed) {
            require(was.successes >= limits.successes_to_close, "I2: closed without enough successes");
            return require(was.given.size() + std::size_t(admitting) >= limits.verdicts_to_close,
                           "I2: closed without enough verdicts");
        }
        require(false, "I6: a transition that only an operator may make");
    }
    static constexpr std::int64_t none = time_point::min().time_since_epoch().count();
    scheduler& scheduler_;
    bool word_made_ = false, deadline_made_ = false;
    std::uint64_t word_ = 0, changes_ = 0, last_sequence_ = 0, last_told_generation_ = 1;
    std::int64_t deadline_ = none;
    unsigned reopenings_ = 0;
    std::map<int, time_point> first_locked_{};  // by each fiber, since its last admission began
    std::vector<epoch> epochs_{};
};

}  // namespace fusebox::simulation
