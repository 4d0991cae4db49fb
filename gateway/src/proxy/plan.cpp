#include "plan.hpp"

#include <map>
#include <utility>

namespace fusebox::gateway {

namespace {

std::vector<route_pattern> patterns_of(const route_match& m) {
    route_pattern base;
    if (m.path) base.kind = path_match::exact, base.path = *m.path;
    else if (m.path_prefix) base.path = *m.path_prefix;
    base.methods = m.methods;
    for (const header_match& h : m.headers)
        base.fields.push_back({h.name, h.value == "*" ? std::nullopt : std::optional{h.value}});
    if (m.hosts.empty()) return {base};
    std::vector<route_pattern> all;
    for (const std::string& host : m.hosts) {
        base.host = host;
        all.push_back(base);
    }
    return all;
}

// Breakers that routes share, by the upstream's name.
using shared_breakers = std::map<std::string, std::shared_ptr<circuit_breaker>, std::less<>>;

// The policies of a route in the order of docs/pipeline.md.
std::vector<policy_spec> policies_of(const route_configuration& r, shared_breakers& shared,
                                     const monotonic_clock* time) {
    std::vector<policy_spec> row;
    row.emplace_back(timeout_options{r.timeout.total});
    if (r.rate_limit && !r.rate_limit->per) {
        switch (r.rate_limit->algorithm) {
            case rate_algorithm::token_bucket: row.emplace_back(r.rate_limit->bucket); break;
            case rate_algorithm::fixed_window: row.emplace_back(fixed_window_options{r.rate_limit->windowed}); break;
            case rate_algorithm::sliding_window:
                row.emplace_back(sliding_window_options{r.rate_limit->windowed});
                break;
        }
    }
    if (r.throttle) row.emplace_back(*r.throttle);
    if (r.retry) {
        retry_options again = r.retry->options;
        if (r.retry->budget) again.budget = std::make_shared<retry_budget>(*r.retry->budget);
        row.emplace_back(std::move(again));
    }
    if (r.circuit_breaker) {
        const auto& b = *r.circuit_breaker;
        if (b.scope.per == breaker_scope::kind::upstream) {
            auto& breaker = shared[r.upstream];
            if (!breaker) breaker = std::make_shared<circuit_breaker>(r.upstream, b.options, time);
            row.emplace_back(breaker);
        } else {
            row.emplace_back(std::make_shared<circuit_breaker>(r.name, b.options, time));
        }
    }
    if (r.bulkhead) row.emplace_back(*r.bulkhead);
    if (r.adaptive_limit) row.emplace_back(*r.adaptive_limit);
    row.emplace_back(timeout_options{r.timeout.per_try});
    if (r.chaos) row.emplace_back(r.chaos->options);
    return row;
}

// What the engine does not do yet; said instead of passed over.
void refuse_unserved(const route_configuration& r, std::vector<config_error>& errors) {
    const auto refuse = [&](bool wanted, const char* option, const char* instead) {
        if (wanted) errors.push_back({"routes[" + r.name + "]." + option, "set", instead});
    };
    const auto per = r.circuit_breaker ? r.circuit_breaker->scope.per : breaker_scope::kind::route;
    refuse(r.hedge.has_value(), "hedge", "left out: the gateway does not hedge yet");
    refuse(r.cache.has_value(), "cache", "left out: the gateway does not cache yet");
    refuse(r.rate_limit && r.rate_limit->per, "rate_limit.per", "left out: the gateway has one limit a route yet");
    refuse(r.fallback && (r.fallback->stale_if_error || r.fallback->upstream), "fallback",
           "only `then`: the gateway falls back to a fixed answer only, yet");
    refuse(per == breaker_scope::kind::endpoint || per == breaker_scope::kind::header, "circuit_breaker.scope",
           "route or upstream: the gateway has no breakers per endpoint or header yet");
}

}  // namespace

std::expected<std::unique_ptr<plan>, std::vector<config_error>> plan::make(const configuration& c, unsigned workers,
                                                                           const monotonic_clock* time) {
    std::unique_ptr<plan> made{new plan{c}};
    std::vector<config_error> errors;
    std::map<std::string, upstream_state*, std::less<>> by_name;
    for (const upstream_configuration& u : c.upstreams) {
        auto& added = *made->upstreams_.emplace_back(std::make_unique<upstream_state>());
        added.configured = u;
        added.number = made->upstreams_.size() - 1;
        added.endpoints = std::make_unique<upstream>(u.name, u.options, workers);
        by_name[u.name] = &added;
    }
    shared_breakers shared;
    std::vector<route_pattern> patterns;
    for (const route_configuration& r : c.routes) {
        refuse_unserved(r, errors);
        auto policies = dynamic_pipeline::make(policies_of(r, shared, time), time);
        if (!policies) {
            for (config_error& e : policies.error()) e.option = "routes[" + r.name + "]." + e.option;
            errors.insert(errors.end(), policies.error().begin(), policies.error().end());
            continue;
        }
        auto& added = *made->routes_.emplace_back(
            std::make_unique<route_state>(r, std::move(*policies), by_name.at(r.upstream), workers));
        added.breaker = added.policies.find<circuit_breaker>();
        for (route_pattern& p : patterns_of(r.match)) {
            patterns.push_back(std::move(p));
            made->owner_of_pattern_.push_back(&added);
        }
    }
    auto routed = router::make(patterns);
    if (!routed) errors.push_back(routed.error());
    if (!errors.empty()) return std::unexpected(std::move(errors));
    made->routes_by_pattern_.emplace(std::move(*routed));
    return made;
}

}  // namespace fusebox::gateway
