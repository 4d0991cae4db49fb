// What the admin port shows: the plan's counts as metrics, and its state as JSON.
#include "admin/admin.hpp"
#include "telemetry/process_metrics.hpp"
#include "telemetry/traffic_metrics.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>

namespace fusebox::gateway {

namespace {

using json = nlohmann::ordered_json;

template <class Count>
std::uint64_t sum(const route_state& r, Count count) {
    std::uint64_t all = 0;
    for (const route_counts& c : r.counts) all += count(c).load(std::memory_order_relaxed);
    return all;
}

// Routes may share a breaker: each once, by name.
std::vector<std::shared_ptr<const circuit_breaker>> breakers_of(const plan& p) {
    std::map<std::string_view, std::shared_ptr<const circuit_breaker>> by_name;
    const auto add = [&](const std::shared_ptr<circuit_breaker>& b) { by_name.emplace(b->name(), b); };
    for (const auto& r : p.routes()) {
        if (r->breaker) add(r->breaker);
        if (r->breaker_of) r->breaker_of->for_each([&](std::string_view, const auto& b) { add(b); });
    }
    for (const auto& u : p.upstreams())
        if (u->breakers) u->breakers->for_each(add);
    std::vector<std::shared_ptr<const circuit_breaker>> all;
    for (auto& [name, b] : by_name) all.push_back(std::move(b));
    return all;
}

double seconds(duration d) noexcept {
    return std::chrono::duration<double>(d).count();
}

constexpr endpoint_verdict verdicts[] = {
    endpoint_verdict::maintenance, endpoint_verdict::draining, endpoint_verdict::forced_up, endpoint_verdict::warming,
    endpoint_verdict::down,        endpoint_verdict::ejected,  endpoint_verdict::open,      endpoint_verdict::half_open,
    endpoint_verdict::slow_start,  endpoint_verdict::up};

void expose_endpoints(metrics::exposition& out, const plan& p) {
    out.family("fusebox_endpoint_up", "gauge", "1 when the endpoint gets traffic.");
    for (const auto& u : p.upstreams())
        for (const endpoint_snapshot& e : u->endpoints->snapshot())
            out.sample({{"upstream", u->configured.name}, {"endpoint", e.address}}, e.now.traffic == traffic::full);
    out.family("fusebox_endpoint_verdict", "gauge", "1 for the verdict that is in force, 0 for the others.");
    for (const auto& u : p.upstreams())
        for (const endpoint_snapshot& e : u->endpoints->snapshot())
            for (const endpoint_verdict v : verdicts)
                out.sample({{"upstream", u->configured.name}, {"endpoint", e.address}, {"verdict", to_string(v)}},
                           e.now.verdict == v);
}

json endpoint_json(const endpoint_snapshot& e, time_point now) {
    json out{{"address", e.address},
             {"weight", e.weight},
             {"verdict", to_string(e.now.verdict)},
             {"traffic", to_string(e.now.traffic)},
             {"share", e.now.share},
             {"reason", to_string(e.now.reason)},
             {"for_seconds", seconds(std::max(now - e.now.since, duration{0}))},
             {"admin", to_string(e.condition.admin)},
             {"check", {{"state", to_string(e.condition.check)}}},
             {"ejected", e.condition.ejected},
             {"successes", e.totals.successes},
             {"failures", e.totals.failures},
             {"in_flight", e.totals.in_flight}};
    if (e.now.until != time_point::max()) out["ends_in_seconds"] = seconds(std::max(e.now.until - now, duration{0}));
    if (e.condition.ejected) out["ejected_for"] = to_string(e.ejected_for);
    return out;
}

void expose_hedges(metrics::exposition& out, const plan& p) {
    out.family("fusebox_hedges_total", "counter",
               "Tries beside another: launched; of those, won; and suppressed, by the empty budget.");
    for (const auto& r : p.routes()) {
        if (!r->hedged) continue;
        const hedge_snapshot s = r->hedged->snapshot();
        out.sample({{"route", r->configured.name}, {"result", "launched"}}, s.launched);
        out.sample({{"route", r->configured.name}, {"result", "won"}}, s.won);
        out.sample({{"route", r->configured.name}, {"result", "suppressed"}}, s.suppressed);
    }
}

json hedges_json(const route_state& r) {
    if (!r.hedged) return {};
    const hedge_snapshot s = r.hedged->snapshot();
    return {{"launched", s.launched},
            {"won", s.won},
            {"suppressed", s.suppressed},
            {"delay_seconds", s.delay ? json(seconds(*s.delay)) : json()}};
}

void expose_answers(metrics::exposition& out, const plan& p) {
    const auto counted = [&](const char* name, const char* help, std::atomic<std::uint64_t> route_counts::* which) {
        out.family(name, "counter", help);
        for (const auto& r : p.routes())
            if (r->answers)
                out.sample({{"route", r->configured.name}},
                           sum(*r, [which](const route_counts& c) -> auto& { return c.*which; }));
    };
    counted("fusebox_cache_hits_total", "Requests that were answered with a fresh answer that was kept.",
            &route_counts::cache_hits);
    counted("fusebox_cache_shared_total", "Requests that waited for the answer that another had gone for, and got it.",
            &route_counts::cache_shared);
    counted("fusebox_cache_validated_total",
            "Requests that were answered with a kept answer of which the upstream said that it is still right.",
            &route_counts::cache_validated);
    out.family("fusebox_kept_answers", "gauge", "Answers that are kept.");
    for (const auto& r : p.routes())
        if (r->answers) out.sample({{"route", r->configured.name}}, r->answers->kept().answers);
    out.family("fusebox_kept_bytes", "gauge", "Bytes of the answers that are kept.");
    for (const auto& r : p.routes())
        if (r->answers) out.sample({{"route", r->configured.name}}, r->answers->kept().bytes);
}

constexpr const char* fallbacks[] = {"stale", "upstream", "fixed"};  // as fallback_kind
constexpr const char* classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

}  // namespace

std::string metrics_text(const admin_sources& from, time_point now) {
    const plan& p = from.serves;
    metrics::exposition out;
    expose_process(out);
    expose_connections(out, from.clients);
    expose_requests(out, p);
    expose_room(out, p, now);
    out.family("fusebox_tries_total", "counter", "Tries at an endpoint, retries and hedges included.");
    for (const auto& r : p.routes())
        out.sample({{"route", r->configured.name}}, sum(*r, [](const route_counts& c) -> auto& { return c.tries; }));
    expose_hedges(out, p);
    out.family("fusebox_incidents_total", "counter", "What went wrong, or was refused, by name.");
    for (const auto& r : p.routes())
        for (std::size_t i = 0; i < incident_count; ++i)
            out.sample({{"route", r->configured.name}, {"incident", row_of(static_cast<incident>(i)).name}},
                       sum(*r, [i](const route_counts& c) -> auto& { return c.incidents[i]; }));
    expose_answers(out, p);
    out.family("fusebox_fallbacks_total", "counter", "Answers in the place of an error, by where they are from.");
    for (const auto& r : p.routes())
        for (std::size_t i = 0; i < std::size(fallbacks); ++i)
            out.sample({{"route", r->configured.name}, {"from", fallbacks[i]}},
                       sum(*r, [i](const route_counts& c) -> auto& { return c.fallbacks[i]; }));
    const auto breakers = breakers_of(p);
    std::vector<const circuit_breaker*> circuits;
    for (const auto& b : breakers) circuits.push_back(b.get());
    metrics::expose_circuits(out, circuits);
    expose_endpoints(out, p);
    from.checks.expose(out);
    if (from.history != nullptr) from.history->expose(out);
    if (from.requests != nullptr) from.requests->expose(out);
    return out.take();
}

std::string snapshot_json(const admin_sources& from, time_point now) {
    const plan& p = from.serves;
    json all{{"routes", json::array()}, {"breakers", json::array()}, {"upstreams", json::array()}};
    for (const auto& r : p.routes()) {
        json responses;
        for (std::size_t i = 0; i < std::size(classes); ++i)
            responses[classes[i]] = sum(*r, [i](const route_counts& c) -> auto& { return c.responses[i]; });
        json incidents = json::object();
        for (std::size_t i = 0; i < incident_count; ++i)
            if (const auto n = sum(*r, [i](const route_counts& c) -> auto& { return c.incidents[i]; }))
                incidents[std::string(row_of(static_cast<incident>(i)).name)] = n;
        json fallen_back;
        for (std::size_t i = 0; i < std::size(fallbacks); ++i)
            fallen_back[fallbacks[i]] = sum(*r, [i](const route_counts& c) -> auto& { return c.fallbacks[i]; });
        all["routes"].push_back({{"name", r->configured.name},
                                 {"upstream", r->configured.upstream},
                                 {"breaker", r->breaker ? json(r->breaker->name()) : json()},
                                 {"responses", responses},
                                 {"tries", sum(*r, [](const route_counts& c) -> auto& { return c.tries; })},
                                 {"hedges", hedges_json(*r)},
                                 {"incidents", incidents},
                                 {"fallbacks", fallen_back}});
    }
    for (const auto& b : breakers_of(p)) {
        const circuit_snapshot s = b->snapshot();
        all["breakers"].push_back(
            {{"name", s.name},
             {"state", to_string(s.state)},
             {"in_state_seconds", seconds(s.in_state)},
             {"retry_after_seconds", seconds(s.retry_after)},
             {"window",
              {{"calls", s.window.calls}, {"failures", s.window.failures}, {"slow_calls", s.window.slow_calls}}},
             {"totals",
              {{"successes", s.totals.successes},
               {"failures", s.totals.failures},
               {"ignored", s.totals.ignored},
               {"rejected", s.totals.rejected},
               {"openings", s.totals.openings}}}});
    }
    const auto checks = from.checks.reports();
    for (const auto& u : p.upstreams()) {
        json endpoints = json::array();
        for (const endpoint_snapshot& e : u->endpoints->snapshot()) {
            endpoints.push_back(endpoint_json(e, now));
            for (const check_report& c : checks)
                if (c.upstream == u->configured.name && c.endpoint == e.address)
                    endpoints.back()["check"].update(
                        {{"last", c.last}, {"passed", c.passed}, {"failed", c.failed}, {"unheard", c.unheard}});
        }
        all["upstreams"].push_back({{"name", u->configured.name}, {"endpoints", endpoints}});
    }
    return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace fusebox::gateway
