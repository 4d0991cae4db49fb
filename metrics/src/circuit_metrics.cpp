#include <fusebox/metrics/circuit_metrics.hpp>

#include <algorithm>
#include <chrono>

namespace fusebox::metrics {

namespace {

// As the seed's dashboards and resilience4j number them.
constexpr std::size_t number_of(circuit_state s) noexcept {
    switch (s) {
        case circuit_state::closed: return 0;
        case circuit_state::open: return 1;
        case circuit_state::half_open: return 2;
        case circuit_state::disabled: return 3;
        case circuit_state::forced_open: return 4;
        case circuit_state::metrics_only: return 5;
    }
    return 0;
}

constexpr circuit_state all_states[] = {circuit_state::closed,      circuit_state::open,
                                        circuit_state::half_open,   circuit_state::disabled,
                                        circuit_state::forced_open, circuit_state::metrics_only};

const char* name_of(std::size_t number) noexcept {
    return to_string(all_states[number]);
}

// Those that every circuit knows; others are shown once they happened.
bool is_usual(std::size_t from, std::size_t to) noexcept {
    constexpr auto closed = number_of(circuit_state::closed), open = number_of(circuit_state::open),
                   half_open = number_of(circuit_state::half_open);
    return (from == closed && to == open) || (from == open && to == half_open) ||
           (from == half_open && (to == closed || to == open));
}

bool is_usual(std::size_t state) noexcept {
    return state <= number_of(circuit_state::half_open);
}

double wall_now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

void expose_circuits(exposition& out, const std::vector<const circuit_breaker*>& circuits) {
    out.family("circuit_breaker_state", "gauge",
               "0 closed, 1 open, 2 half_open, 3 disabled, 4 forced_open, 5 metrics_only.");
    for (const auto* c : circuits) out.sample({{"service", c->name()}}, std::uint64_t{number_of(c->state())});
    out.family("circuit_breaker_calls_blocked_total", "counter", "Calls that the breaker refused.");
    for (const auto* c : circuits) out.sample({{"service", c->name()}}, c->snapshot().totals.rejected);
    out.family("circuit_breaker_calls_total", "counter", "Calls that ended, by outcome.");
    for (const auto* c : circuits) {
        const circuit_snapshot s = c->snapshot();
        const circuit_totals& t = s.totals;
        out.sample({{"service", c->name()}, {"outcome", "success"}}, t.successes);
        // A lost trial has not ended. It will be late when it does: a counter must never have to take it back.
        out.sample({{"service", c->name()}, {"outcome", "failure"}}, t.failures - s.lost_trials);
        out.sample({{"service", c->name()}, {"outcome", "ignored"}}, t.ignored + t.abandoned);
        out.sample({{"service", c->name()}, {"outcome", "late"}}, t.late_results);
    }
    out.family("circuit_breaker_open_total", "counter", "How often the circuit opened.");
    for (const auto* c : circuits) out.sample({{"service", c->name()}}, c->snapshot().totals.openings);
}

void circuit_history::watch(circuit_breaker& watched, time_point now) {
    circuit& c = *circuits_.emplace_back(std::make_unique<circuit>());
    c.name = watched.name();
    c.since = now;
    c.wall_since = wall_now();
    c.listens = watched.subscribe([this, &c](const circuit_event& e) { moved(c, e); }, transition_events);
}

void circuit_history::moved(circuit& c, const circuit_event& e) {
    if (e.is_virtual) return;  // of metrics_only: nothing was refused
    const std::scoped_lock hold(mutex_);
    ++c.moves[number_of(e.from)][number_of(e.to)];
    const double seconds = std::chrono::duration<double>(std::max(e.at - c.since, duration{0})).count();
    stays& s = c.stayed[number_of(e.from)];
    const auto fits = std::ranges::lower_bound(bounds, seconds);
    if (fits != bounds.end()) ++s.up_to[static_cast<std::size_t>(fits - bounds.begin())];
    ++s.count;
    s.seconds += seconds;
    c.since = e.at;
    c.wall_since = wall_now();
}

void circuit_history::expose(exposition& out) const {
    const std::scoped_lock hold(mutex_);
    out.family("circuit_breaker_state_transitions_total", "counter", "Changes of a circuit's state.");
    for (const auto& c : circuits_)
        for (std::size_t from = 0; from < states; ++from)
            for (std::size_t to = 0; to < states; ++to)
                if (is_usual(from, to) || c->moves[from][to] != 0)
                    out.sample({{"service", c->name}, {"from_state", name_of(from)}, {"to_state", name_of(to)}},
                               c->moves[from][to]);
    out.family("circuit_breaker_time_in_state_seconds", "histogram",
               "How long a circuit stayed in a state it has left.");
    for (const auto& c : circuits_)
        for (std::size_t state = 0; state < states; ++state)
            if (is_usual(state) || c->stayed[state].count != 0) expose_stays(out, *c, state);
    out.family("circuit_breaker_state_since_timestamp_seconds", "gauge", "When a circuit came into its state.");
    for (const auto& c : circuits_) out.sample({{"service", c->name}}, c->wall_since);
}

void circuit_history::expose_stays(exposition& out, const circuit& c, std::size_t state) {
    const stays& s = c.stayed[state];
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        so_far += s.up_to[i];
        out.part("_bucket", {{"service", c.name}, {"state", name_of(state)}, {"le", exposition::text(bounds[i])}},
                 exposition::text(so_far));
    }
    out.part("_bucket", {{"service", c.name}, {"state", name_of(state)}, {"le", "+Inf"}}, exposition::text(s.count));
    out.part("_sum", {{"service", c.name}, {"state", name_of(state)}}, exposition::text(s.seconds));
    out.part("_count", {{"service", c.name}, {"state", name_of(state)}}, exposition::text(s.count));
}

}  // namespace fusebox::metrics
