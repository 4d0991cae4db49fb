#include "telemetry/state_history.hpp"

#include <set>

namespace fusebox::gateway {

namespace {

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
    circuits_.watch(*breaker, now);
    if (events_ == nullptr) return;
    listens_.push_back(breaker->subscribe([this](const circuit_event& e) { moved(e); }, transition_events));
}

void state_history::moved(const circuit_event& e) {
    if (e.is_virtual) return;  // of metrics_only: nothing was refused
    const bool bad = e.to == circuit_state::open || e.to == circuit_state::forced_open;
    events_->tell(bad ? log_level::warning : log_level::info, to_string(e.kind), [&](log_line& line) {
        line.add("service", e.circuit).add("from_state", to_string(e.from)).add("to_state", to_string(e.to));
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

void state_history::expose(metrics::exposition& out) const {
    circuits_.expose(out);
    const std::scoped_lock hold(mutex_);
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

}  // namespace fusebox::gateway
