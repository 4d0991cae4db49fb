#include "state_history.hpp"

#include <algorithm>
#include <set>

namespace fusebox::gateway {

namespace {

constexpr std::size_t number_of(circuit_state s) noexcept {
    return static_cast<std::size_t>(s);
}

const char* state_name(std::size_t number) noexcept {
    return to_string(static_cast<circuit_state>(number));
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

bool takes_traffic_away(const verdict_change& v) noexcept {
    return v.before.traffic == traffic::full && v.after.traffic != traffic::full &&
           v.after.reason != verdict_reason::set_by_operator;
}

}  // namespace

state_history::state_history(plan& of, event_log* events, time_point now) : plan_(of), events_(events) {
    for (const auto& u : of.upstreams())
        for (const endpoint_snapshot& e : u->endpoints->snapshot()) endpoints_[{u->configured.name, e.id}];
    std::set<const circuit_breaker*> seen;
    const auto once = [&](const std::shared_ptr<circuit_breaker>& b) {
        if (b && seen.insert(b.get()).second) watch(b, now);
    };
    for (const auto& r : of.routes()) once(r->breaker);
    for (const auto& u : of.upstreams())
        if (u->breakers) u->breakers->for_each(once);
    of.tell_verdicts([this](const verdict_change& v) { changed(v); });
}

state_history::~state_history() {
    plan_.tell_verdicts({});
}

void state_history::watch(const std::shared_ptr<circuit_breaker>& breaker, time_point now) {
    circuit& c = *circuits_.emplace_back(std::make_unique<circuit>());
    c.name = breaker->name();
    c.since = now;
    c.wall_since = wall_now();
    c.listens = breaker->subscribe([this, &c](const circuit_event& e) { moved(c, e); }, transition_events);
}

void state_history::moved(circuit& c, const circuit_event& e) {
    if (e.is_virtual) return;  // of metrics_only: nothing was refused
    {
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
    if (events_ == nullptr) return;
    const bool bad = e.to == circuit_state::open || e.to == circuit_state::forced_open;
    events_->tell(bad ? log_level::warning : log_level::info, to_string(e.kind), [&](log_line& line) {
        line.add("service", c.name).add("from_state", to_string(e.from)).add("to_state", to_string(e.to));
        line.add("reason", to_string(e.rule)).add("failures", std::uint64_t{e.window.failures});
        line.add("calls", std::uint64_t{e.window.calls}).add("slow_calls", std::uint64_t{e.window.slow_calls});
        if (e.to == circuit_state::open) line.add("retry_after_seconds", e.retry_after);
    });
}

void state_history::changed(const verdict_change& v) {
    if (v.before.verdict != v.after.verdict) {
        const std::scoped_lock hold(mutex_);
        ++endpoints_[{v.upstream, v.endpoint}][static_cast<std::size_t>(v.after.verdict)];
    }
    if (events_ == nullptr) return;
    const auto level = takes_traffic_away(v) ? log_level::warning : log_level::info;
    events_->tell(level, "endpoint_changed", [&](log_line& line) {
        line.add("service", v.upstream).add("endpoint", v.endpoint).add("from_state", to_string(v.before.verdict));
        line.add("to_state", to_string(v.after.verdict)).add("reason", to_string(v.after.reason));
        line.add("traffic", to_string(v.after.traffic));
    });
}

void state_history::expose(exposition& out) const {
    const std::scoped_lock hold(mutex_);
    out.family("circuit_breaker_state_transitions_total", "counter", "Changes of a circuit's state.");
    for (const auto& c : circuits_)
        for (std::size_t from = 0; from < states; ++from)
            for (std::size_t to = 0; to < states; ++to)
                if (is_usual(from, to) || c->moves[from][to] != 0)
                    out.sample({{"service", c->name}, {"from_state", state_name(from)}, {"to_state", state_name(to)}},
                               c->moves[from][to]);
    out.family("circuit_breaker_time_in_state_seconds", "histogram",
               "How long a circuit stayed in a state it has left.");
    for (const auto& c : circuits_)
        for (std::size_t state = 0; state < states; ++state)
            if (is_usual(state) || c->stayed[state].count != 0) expose_stays(out, *c, state);
    out.family("circuit_breaker_state_since_timestamp_seconds", "gauge", "When a circuit came into its state.");
    for (const auto& c : circuits_) out.sample({{"service", c->name}}, double(c->wall_since) / 1e9);
    out.family("fusebox_endpoint_verdict_transitions_total", "counter",
               "Changes of an endpoint's verdict, by the new one.");
    for (const auto& [name, moves] : endpoints_)
        for (std::size_t v = 0; v < verdicts; ++v)
            out.sample({{"upstream", name.first},
                        {"endpoint", name.second},
                        {"to_verdict", to_string(static_cast<endpoint_verdict>(v))}},
                       moves[v]);
    if (events_ == nullptr) return;
    out.family("fusebox_event_log_dropped_total", "counter", "Events whose line was not written.");
    out.sample({}, events_->dropped());
}

void state_history::expose_stays(exposition& out, const circuit& c, std::size_t state) const {
    const stays& s = c.stayed[state];
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        so_far += s.up_to[i];
        out.part("_bucket", {{"service", c.name}, {"state", state_name(state)}, {"le", exposition::text(bounds[i])}},
                 exposition::text(so_far));
    }
    out.part("_bucket", {{"service", c.name}, {"state", state_name(state)}, {"le", "+Inf"}}, exposition::text(s.count));
    out.part("_sum", {{"service", c.name}, {"state", state_name(state)}}, exposition::text(s.seconds));
    out.part("_count", {{"service", c.name}, {"state", state_name(state)}}, exposition::text(s.count));
}

}  // namespace fusebox::gateway
