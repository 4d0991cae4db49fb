#include "telemetry/traffic_metrics.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

namespace fusebox::gateway {

namespace {

using histograms = std::map<timings::kind, timings::histogram>;

// What all workers counted.
histograms sum(const route_state& r, timings route_counts::* of) {
    histograms all;
    for (const route_counts& c : r.counts) (c.*of).add_to([&](timings::kind k) -> auto& { return all[k]; });
    return all;
}

std::string_view name_of(http::method_id m) noexcept {
    switch (m) {
        case http::method_id::get: return "GET";
        case http::method_id::head: return "HEAD";
        case http::method_id::post: return "POST";
        case http::method_id::put: return "PUT";
        case http::method_id::patch: return "PATCH";
        case http::method_id::delete_: return "DELETE";
        case http::method_id::options: return "OPTIONS";
        case http::method_id::trace: return "TRACE";
        case http::method_id::other: break;
    }
    return "_OTHER";
}

// How it ended, as two labels: a status, and what is wrong, if anything.
struct end_labels {
    std::string status;
    std::string error;

    explicit end_labels(unsigned end) {
        if (end >= route_counts::first_incident)
            error = row_of(static_cast<incident>(end - route_counts::first_incident)).name;
        else if (end != 0) status = std::to_string(end);
        else error = "_OTHER";
        if (end >= 500 && end < route_counts::first_incident) error = status;
    }
};

void expose_durations(metrics::exposition& out, const route_state& r, const histograms& all) {
    for (const auto& [kind, h] : all) {
        const end_labels end{kind.end};
        const auto part = [&](std::string_view suffix, std::string_view le, std::string_view value) {
            const std::string_view method = name_of(kind.method), route = r.configured.name;
            if (le.empty())
                return out.part(suffix,
                                {{"http_route", route},
                                 {"http_request_method", method},
                                 {"http_response_status_code", end.status},
                                 {"error_type", end.error},
                                 {"url_scheme", "http"}},
                                value);
            out.part(suffix,
                     {{"http_route", route},
                      {"http_request_method", method},
                      {"http_response_status_code", end.status},
                      {"error_type", end.error},
                      {"url_scheme", "http"},
                      {"le", le}},
                     value);
        };
        const auto text = [](auto number) { return metrics::exposition::text(number); };
        std::uint64_t so_far = 0;
        for (std::size_t i = 0; i < timings::bounds.size(); ++i)
            part("_bucket", text(timings::bounds[i]), text(so_far += h.up_to[i]));
        part("_bucket", "+Inf", text(h.count()));
        part("_sum", {}, text(h.seconds));
        part("_count", {}, text(h.count()));
    }
}

constexpr timings::kind usual{http::method_id::get, 200};

// Of each policy once: a route's own with its name, and one that all routes to an upstream share without.
template <class Policy, class Expose>
void for_each_policy(const plan& p, bool (*is_own)(const route_configuration&), Expose expose) {
    std::set<const Policy*> shown;
    for (const auto& r : p.routes()) {
        bool own = is_own(r->configured);  // which comes first
        for (const pipeline_part& part : r->policies.parts()) {
            const auto* held = std::get_if<std::shared_ptr<Policy>>(&part);
            if (held == nullptr) continue;
            if (shown.insert(held->get()).second) expose(own ? std::string_view(r->configured.name) : "", *r, **held);
            own = false;
        }
    }
}

class room {
public:
    room(metrics::exposition& out, const plan& p) : out_(out), plan_(p) {}

    // A family with what value() takes from the snapshot that look() takes of each policy.
    template <class Policy, class Look, class Value>
    void show(const char* name, const char* type, const char* help, bool (*is_own)(const route_configuration&),
              Look look, Value value) {
        out_.family(name, type, help);
        add<Policy>(is_own, look, value);
    }
    template <class Policy, class Look, class Value>
    void add(bool (*is_own)(const route_configuration&), Look look, Value value) {
        for_each_policy<Policy>(plan_, is_own, [&](std::string_view route, const route_state& r, const Policy& policy) {
            if (const auto s = look(policy))
                out_.sample({{"service", r.to->configured.name}, {"route", route}}, value(*s));
        });
    }

private:
    metrics::exposition& out_;
    const plan& plan_;
};

template <rate_algorithm A>
bool has_rate_limit(const route_configuration& r) {
    return r.rate_limit && r.rate_limit->algorithm == A;
}

}  // namespace

void expose_requests(metrics::exposition& out, const plan& p) {
    std::vector<histograms> served;
    for (const auto& r : p.routes()) {
        served.push_back(sum(*r, &route_counts::served));
        served.back()[usual];  // there from the start: what is absent is not 0
    }
    out.family("http_requests_total", "counter",
               "Requests that ended, by the status of their response; 499: the client was gone.");
    for (std::size_t i = 0; i < served.size(); ++i) {
        const route_configuration& c = p.routes()[i]->configured;
        for (const auto& [kind, h] : served[i])
            out.sample({{"service", c.upstream},
                        {"route", c.name},
                        {"method", name_of(kind.method)},
                        {"code", kind.end == 0 ? "other" : metrics::exposition::text(kind.end)}},
                       h.count());
    }
    out.family("http_server_request_duration_seconds", "histogram",
               "From the head of a request to the end of its response.");
    for (std::size_t i = 0; i < served.size(); ++i) expose_durations(out, *p.routes()[i], served[i]);
    out.family("http_client_request_duration_seconds", "histogram",
               "Tries at an endpoint: until the head of its response, or until the try failed.");
    for (const auto& r : p.routes()) expose_durations(out, *r, sum(*r, &route_counts::tried));
}

void expose_connections(metrics::exposition& out, std::span<const served_clients> all) {
    std::uint64_t open = 0, accepted = 0, shed = 0, evicted = 0;
    std::map<int, std::uint64_t> unrouted;
    for (const served_clients& one : all) {
        open += one.server.connections();
        accepted += one.server.accepted();
        shed += one.server.shed();
        evicted += one.server.evicted();
        for (int status = unrouted_counts::first; status <= unrouted_counts::last; ++status)
            if (const std::uint64_t n = one.unrouted.of(status); n != 0 || status == 404) unrouted[status] += n;
    }
    out.family("fusebox_connections_open", "gauge", "Connections of clients that are open.");
    out.sample({}, open);
    out.family("fusebox_connections_accepted_total", "counter", "Connections of clients that were accepted.");
    out.sample({}, accepted);
    out.family("fusebox_connections_shed_total", "counter",
               "Connections closed at once, for want of descriptors or memory.");
    out.sample({}, shed);
    out.family("fusebox_connections_evicted_total", "counter",
               "Idle connections that gave way when all places were taken.");
    out.sample({}, evicted);
    out.family("fusebox_unrouted_requests_total", "counter", "Requests refused before they had a route, by status.");
    for (const auto& [status, n] : unrouted) out.sample({{"code", metrics::exposition::text(status)}}, n);
}

void expose_room(metrics::exposition& out, const plan& p, time_point now) {
    room all{out, p};
    const auto at_now = [now](const auto& policy) { return std::optional{policy.snapshot(now)}; };
    const auto at_once = [](const auto& policy) { return std::optional{policy.snapshot()}; };

    // A budget is held by the retry, and may be one for all routes to the upstream all the same.
    std::set<const retry_budget*> shown;
    const auto budget = [&](const retry& r) -> std::optional<retry_budget_snapshot> {
        const auto& b = r.options().budget;
        if (!b || !shown.insert(b.get()).second) return std::nullopt;
        return b->snapshot(now);
    };
    const auto budgets = [&](const char* name, const char* type, const char* help, auto value) {
        shown.clear();
        all.show<retry>(name, type, help, [](const route_configuration&) { return true; }, budget, value);
    };
    budgets("fusebox_retry_budget_available", "gauge", "Further tries that the retry budget would pay for now.",
            [](const retry_budget_snapshot& s) { return s.available; });
    budgets("fusebox_retry_budget_spent_total", "counter", "Further tries that the retry budget paid for.",
            [](const retry_budget_snapshot& s) { return s.total_spent; });
    budgets("fusebox_retry_budget_refused_total", "counter", "Further tries that the retry budget did not pay for.",
            [](const retry_budget_snapshot& s) { return s.total_refused; });

    const auto bulkheads = [&](const char* name, const char* type, const char* help, auto value) {
        all.show<bulkhead>(
            name, type, help, [](const route_configuration& r) { return r.bulkhead.has_value(); }, at_once, value);
    };
    bulkheads("fusebox_bulkhead_limit", "gauge", "Requests that the bulkhead lets through at the same time.",
              [](const bulkhead_snapshot& s) { return std::uint64_t{s.limit}; });
    bulkheads("fusebox_bulkhead_in_use", "gauge", "Requests that are through it.",
              [](const bulkhead_snapshot& s) { return std::uint64_t{s.in_use}; });
    bulkheads("fusebox_bulkhead_queued", "gauge", "Requests that wait before it.",
              [](const bulkhead_snapshot& s) { return std::uint64_t{s.queued}; });
    bulkheads("fusebox_bulkhead_rejected_total", "counter", "Requests that it refused, or that left its queue.",
              [](const bulkhead_snapshot& s) { return s.rejected + s.gave_up; });

    const auto limiters = [&](const char* name, const char* type, const char* help, auto value) {
        all.show<adaptive_limiter>(
            name, type, help, [](const route_configuration& r) { return r.adaptive_limit.has_value(); }, at_once,
            value);
    };
    limiters("fusebox_adaptive_limit", "gauge", "Requests that the adaptive limit lets through at the same time.",
             [](const adaptive_limiter_snapshot& s) { return std::uint64_t{s.limit}; });
    limiters("fusebox_adaptive_limit_in_use", "gauge", "Requests that are through it.",
             [](const adaptive_limiter_snapshot& s) { return std::uint64_t{s.in_flight}; });
    limiters("fusebox_adaptive_limit_rejected_total", "counter", "Requests that it refused.",
             [](const adaptive_limiter_snapshot& s) { return s.rejected; });

    const auto throttles = [&](const char* name, const char* type, const char* help, auto value) {
        all.show<throttler>(
            name, type, help, [](const route_configuration& r) { return r.throttle.has_value(); }, at_now, value);
    };
    throttles("fusebox_throttle_refusal_ratio", "gauge", "The share of requests that the throttle refuses.",
              [](const throttler_snapshot& s) { return s.probability; });
    throttles("fusebox_throttle_rejected_total", "counter", "Requests that it refused.",
              [](const throttler_snapshot& s) { return s.rejected; });

    const auto rates = [&](const char* name, const char* type, const char* help, auto value) {
        all.show<token_bucket>(name, type, help, has_rate_limit<rate_algorithm::token_bucket>, at_now, value);
        all.add<fixed_window>(has_rate_limit<rate_algorithm::fixed_window>, at_now, value);
        all.add<sliding_window>(has_rate_limit<rate_algorithm::sliding_window>, at_now, value);
    };
    rates("fusebox_rate_limit_available", "gauge",
          "Requests that the rate limit, if it is one for all, lets through now.",
          [](const rate_limiter_snapshot& s) { return std::uint64_t{s.available}; });
    rates("fusebox_rate_limit_rejected_total", "counter", "Requests that it refused.",
          [](const rate_limiter_snapshot& s) { return s.rejected; });
}

}  // namespace fusebox::gateway
