// The rules of the circuit breaker once more, as plainly as they can be said: every verdict is kept in a
// deque and counted anew each time. What reference_test.cpp holds the real breaker against.
//
// Not thread-safe. Knows no jitter: use it with open_jitter = 0.
#pragma once

#include <fusebox/circuit_snapshot.hpp>
#include <fusebox/verdict.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <vector>

namespace fusebox::testing {

class reference_model {
public:
    struct permit {
        std::uint64_t generation = 0;
        std::uint32_t trial = 0;  // 0: none
        bool shadow = false;      // metrics_only: would have been rejected
        std::optional<time_point> started{};
    };
    struct answer {
        std::optional<permit> given{};
        duration retry_after{0};
    };
    struct event {
        event_kind kind;
        std::uint64_t generation;
        circuit_state from, to;
        trip_rule rule;
        friend bool operator==(const event&, const event&) = default;
        friend std::ostream& operator<<(std::ostream& out, const event& e) {
            return out << to_string(e.kind) << ' ' << e.generation << ' ' << to_string(e.from) << ">" << to_string(e.to)
                       << ' ' << to_string(e.rule);
        }
    };

    reference_model(circuit_breaker_options options, time_point now) : o(std::move(options)), entered(now) {
        const bool by_operator = o.initial_state > circuit_state::half_open;
        (by_operator ? mode : phase) = o.initial_state;
        if (phase == circuit_state::open) start_wait({}, now);
    }

    // -- Calls
    answer acquire(time_point now) {
        const auto started = o.slow_call_duration ? std::optional{now} : std::nullopt;
        if (mode == circuit_state::disabled) return {permit{.generation = generation, .started = started}};
        if (mode == circuit_state::forced_open) return ++totals.rejected, answer{};
        reclaim(now);
        if (phase == circuit_state::open && now >= deadline)
            enter(mode, circuit_state::half_open, trip_rule::none, now);
        if (phase == circuit_state::closed) return {permit{.generation = generation, .started = started}};
        if (phase == circuit_state::half_open && trials.size() < concurrency() && trials.size() + settled() < calls()) {
            credit += share();
            if (credit >= 1 - 1e-9) {
                credit -= 1;
                trials[++last_trial] = {now, lease_end(now)};
                return {permit{.generation = generation, .trial = last_trial, .started = started}};
            }
        }
        if (mode == circuit_state::metrics_only) {
            ++totals.would_reject;
            return {permit{.generation = generation, .shadow = true, .started = started}};
        }
        ++totals.rejected;
        return {{}, phase == circuit_state::open ? deadline - now : duration{0}};
    }

    void abandon(const permit& p, time_point now) {
        if (takes(p, now)) ++totals.abandoned;
    }

    void settle(const permit& p, const report& how, time_point now) {
        if (!takes(p, now)) return;
        if (how.outcome == verdict::ignored) return void(++totals.ignored);
        const bool failed = how.outcome == verdict::failure;
        bool slow = false;
        if (o.slow_call_duration && (how.elapsed || p.started))
            slow = how.elapsed.value_or(now - p.started.value_or(now)) >= *o.slow_call_duration;
        ++(failed ? totals.failures : totals.successes);
        totals.slow_calls += slow;
        if (p.shadow) return;
        consecutive = failed ? consecutive + 1 : 0;
        const auto wish = failed ? how.retry_after : std::nullopt;
        if (phase == circuit_state::half_open) {
            ++(failed ? round_failures : round_successes);
            round_slow += slow;
            judge_round(false, wish, now);
        } else {
            window.push_back({failed, slow, now});
            if (const auto rule = fired(now)) open(*rule, wish, now);
        }
    }

    // -- Time and operators
    void poll(time_point now) {
        if (mode == circuit_state::disabled || mode == circuit_state::forced_open) return;
        reclaim(now);
        if (o.automatic_half_open && phase == circuit_state::open && now >= deadline)
            enter(mode, circuit_state::half_open, trip_rule::none, now);
    }

    void operate(circuit_state target, time_point now) {
        if (target != circuit_state::closed && target == mode) return;
        reopenings = doublings = consecutive = 0;
        enter(target, circuit_state::closed, trip_rule::operator_action, now);
    }

    void reconfigure(circuit_breaker_options next, time_point now) {
        if (next == o) return;
        counted(now);
        if (next.window != o.window) regroup(next, now);
        const bool lease_changes = next.trial_lease != o.trial_lease;
        o = std::move(next);
        ramp_step = std::min(ramp_step, o.ramp.shares.size());
        if (lease_changes)
            for (auto& [number, t] : trials) t.until = lease_end(t.since);
        events.push_back({event_kind::circuit_reconfigured, generation, state(), state(), trip_rule::none});
        if (phase == circuit_state::half_open) judge_round(false, {}, now);
    }

    // Exported and imported at the same moment: everything stays, the permits are of the past.
    void carry_over(time_point now) {
        const auto before = state();
        const auto told = events;
        reclaim(now);  // an export shows what a caller would find, and tells nobody
        events = told;
        totals.failures -= lost.size();  // an image counts what has ended
        lost.clear();
        if (phase == circuit_state::open) deadline = std::min(deadline, now + o.open_max);
        counted(now);
        if (std::holds_alternative<time_window>(o.window)) regroup(o, now);
        const auto kept = window;
        enter(mode, phase, trip_rule::operator_action, now);
        events.back().from = before;
        window = kept;
    }

    // -- What there is to see
    circuit_state state() const { return mode == circuit_state::closed ? phase : mode; }

    circuit_snapshot snapshot(time_point now) const {
        reference_model found = *this;
        found.reclaim(now);
        return found.describe(now);
    }

    std::vector<event> take_events() { return std::exchange(events, {}); }

private:
    struct trial {
        time_point since, until;  // until when its lease runs
    };
    struct entry {
        bool failed, slow;
        time_point at;
    };

    std::int64_t bucket(time_point t, const time_window& w) const {
        return static_cast<std::int64_t>(std::floor(double(t.time_since_epoch().count()) / double(w.width.count())));
    }

    // The window at `now`, what has left it dropped.
    window_snapshot counted(time_point now) {
        if (const auto* timed = std::get_if<time_window>(&o.window))
            std::erase_if(window, [&](const entry& e) {
                return bucket(e.at, *timed) <= bucket(now, *timed) - std::int64_t(timed->buckets);
            });
        else
            while (window.size() > std::get<count_window>(o.window).size) window.pop_front();
        window_snapshot w;
        for (const entry& e : window) ++w.calls, w.failures += e.failed, w.slow_calls += e.slow;
        return w;
    }

    // A time window knows of its verdicts only the bucket: there, successes come before failures, slow ones last.
    void regroup(const circuit_breaker_options& next, time_point now) {
        if (const auto* timed = std::get_if<time_window>(&o.window)) {
            std::map<std::int64_t, std::deque<entry>> by_bucket;
            for (const entry& e : window) by_bucket[bucket(e.at, *timed)].push_back(e);
            window.clear();
            for (auto& [number, entries] : by_bucket) {
                const auto slow = std::count_if(entries.begin(), entries.end(), [](const entry& e) { return e.slow; });
                auto quick = std::ptrdiff_t(entries.size()) - slow;
                for (const bool failed : {false, true})
                    for (const entry& e : entries)
                        if (e.failed == failed)
                            window.push_back({failed, quick-- <= 0, time_point{timed->width * number}});
            }
        } else if (std::holds_alternative<time_window>(next.window)) {
            for (entry& e : window) e.at = now;
        }
    }

    time_point lease_end(time_point since) const {
        const double term = double(o.trial_lease.count()) * std::pow(2.0, doublings);
        return term == 0 ? time_point::max() : since + duration{std::int64_t(term)};
    }

    bool takes(const permit& p, time_point now) {
        if (mode == circuit_state::disabled && p.generation == generation) return false;
        reclaim(now);
        const bool known = p.generation == generation && (p.trial == 0 || trials.erase(p.trial) == 1);
        if (lost.erase(p.trial) == 1) --totals.failures;  // it is late instead
        if (!known) ++totals.late_results;
        return known;
    }

    void reclaim(time_point now) {
        while (phase == circuit_state::half_open) {
            const auto over =
                std::find_if(trials.begin(), trials.end(), [&](auto& t) { return t.second.until <= now; });
            if (over == trials.end()) return;
            lost.insert(over->first);
            trials.erase(over);
            ++doublings, ++totals.trials_reclaimed, ++totals.failures, ++consecutive, ++round_failures;
            events.push_back({event_kind::trial_reclaimed, generation, state(), state(), trip_rule::none});
            judge_round(true, {}, now);
        }
    }

    static bool reached(std::uint64_t part, std::uint64_t whole, double share) {
        return double(part) >= share * double(whole) - 1e-9;
    }

    std::optional<trip_rule> fired(time_point now) {
        const window_snapshot w = counted(now);
        if (o.consecutive_failures && consecutive >= *o.consecutive_failures) return trip_rule::consecutive_failures;
        const auto* size = std::get_if<count_window>(&o.window);
        const bool enough = w.calls >= o.minimum_calls.value_or(size ? std::min(20u, size->size) : 20u);
        if (o.failure_count_threshold && w.failures >= *o.failure_count_threshold && (enough || !o.count_needs_minimum))
            return trip_rule::failure_count;
        if (enough) {
            const auto rate = o.effective_failure_rate(), slow = o.effective_slow_call_rate();
            if (rate && reached(w.failures, w.calls, *rate)) return trip_rule::failure_rate;
            if (slow && reached(w.slow_calls, w.calls, *slow)) return trip_rule::slow_call_rate;
        }
        if (o.trip_when && o.trip_when(w)) return trip_rule::custom;
        return {};
    }

    std::uint64_t settled() const { return round_successes + round_failures; }
    std::uint64_t calls() const { return ramp_step == 0 ? o.half_open_calls : o.ramp.calls_per_step; }
    std::uint64_t concurrency() const { return ramp_step == 0 ? o.half_open_concurrency : o.ramp.calls_per_step; }
    double share() const { return ramp_step == 0 ? 1.0 : o.ramp.shares[ramp_step - 1]; }

    void judge_round(bool by_lease, std::optional<duration> wish, time_point now) {
        const auto rate = o.effective_failure_rate(), slow = o.effective_slow_call_rate();
        const bool by_successes = o.half_open_successes && ramp_step == 0;
        const auto still_possible = round_successes + (calls() > settled() ? calls() - settled() : 0);
        trip_rule rule = trip_rule::none;
        if (slow && round_slow > 0 && reached(round_slow, calls(), *slow)) rule = trip_rule::trial_slow;
        else if (by_successes ? still_possible < *o.half_open_successes
                              : round_failures > 0 && (!rate || reached(round_failures, calls(), *rate)))
            rule = trip_rule::trial_failed;
        if (rule != trip_rule::none) {
            ++reopenings;
            open(by_lease ? trip_rule::trial_lost : rule, wish, now);
        } else if (by_successes ? round_successes >= *o.half_open_successes : settled() >= calls()) {
            if (ramp_step == o.ramp.shares.size()) {
                reopenings = doublings = consecutive = 0;
                enter(mode, circuit_state::closed, trip_rule::none, now);
            } else {
                next_round(ramp_step + 1);
                events.push_back({event_kind::ramp_advanced, generation, state(), state(), trip_rule::none});
            }
        }
    }

    void next_round(std::size_t step) {
        ramp_step = step;
        round_successes = round_failures = round_slow = 0;
        credit = 0;
    }

    void start_wait(std::optional<duration> wish, time_point now) {
        const double sequence = double(o.open_for.count()) * std::pow(o.open_multiplier, reopenings);
        duration wait{std::int64_t(std::min(sequence, double(o.open_cap.count())))};
        if (wish && *wish > duration{0} && (*wish > wait || o.open_min > duration{0})) wait = *wish;
        deadline = now + std::clamp(wait, o.open_min, o.open_max);
    }

    void open(trip_rule rule, std::optional<duration> wish, time_point now) {
        ++(mode == circuit_state::metrics_only ? totals.virtual_openings : totals.openings);
        start_wait(wish, now);
        enter(mode, circuit_state::open, rule, now);
    }

    void enter(circuit_state next_mode, circuit_state next_phase, trip_rule rule, time_point now) {
        const bool is_virtual =
            next_mode == circuit_state::metrics_only && mode == next_mode && rule != trip_rule::operator_action;
        const auto from = is_virtual ? phase : state();
        mode = next_mode;
        phase = next_phase;
        ++generation;
        window.clear();
        trials.clear();
        next_round(0);
        last_rule = rule;
        entered = now;
        static constexpr event_kind kinds[] = {event_kind::circuit_closed,      event_kind::circuit_opened,
                                               event_kind::circuit_half_opened, event_kind::circuit_disabled,
                                               event_kind::circuit_forced_open, event_kind::circuit_metrics_only};
        const auto to = is_virtual ? phase : state();
        events.push_back({kinds[static_cast<unsigned>(to)], generation, from, to, rule});
    }

    circuit_snapshot describe(time_point now) {
        circuit_snapshot s;
        s.state = state();
        s.virtual_state = mode == circuit_state::metrics_only ? phase : s.state;
        s.generation = generation;
        s.window = counted(now);
        s.consecutive_failures = consecutive;
        s.reopenings = reopenings;
        if (s.state == circuit_state::open) s.retry_after = std::max(duration{0}, deadline - now);
        s.in_state = now - entered;
        s.last_rule = last_rule;
        if (phase == circuit_state::half_open)
            s.half_open = {static_cast<std::uint32_t>(calls()),
                           static_cast<std::uint32_t>(trials.size()),
                           round_successes,
                           round_failures,
                           round_slow,
                           share()};
        s.totals = totals;
        return s;
    }

    circuit_breaker_options o;
    circuit_state mode = circuit_state::closed, phase = circuit_state::closed;
    std::uint64_t generation = 1;
    time_point entered, deadline{};
    trip_rule last_rule = trip_rule::none;
    std::uint32_t consecutive = 0, reopenings = 0, doublings = 0, last_trial = 0;
    std::deque<entry> window{};
    std::map<std::uint32_t, trial> trials{};  // by number
    std::set<std::uint32_t> lost{};           // reclaimed, and not come back
    std::size_t ramp_step = 0;
    std::uint32_t round_successes = 0, round_failures = 0, round_slow = 0;
    double credit = 0;
    circuit_totals totals{};
    std::vector<event> events{};
};

}  // namespace fusebox::testing
