#include "plan/plan.hpp"

#include "plan/policy_row.hpp"

#include "endpoints/address_book.hpp"
#include "routing/route_patterns.hpp"

#include "text/policy_key.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace fusebox::gateway {

namespace {

// Of a header's values, which strangers choose: so many have a breaker at a time, the last used ones.
constexpr std::uint32_t most_breakers = 1000;

template <class... Policies>
std::size_t place_of(const dynamic_pipeline& row) {
    const auto held = [](const pipeline_part& p) {
        return (std::holds_alternative<std::shared_ptr<Policies>>(p) || ...);
    };
    return static_cast<std::size_t>(std::ranges::find_if(row.parts(), held) - row.parts().begin());
}

template <class Limiter, class Options>
std::function<pipeline_part(std::string_view)> limits(const Options& options, std::uint32_t most) {
    const auto make = [options](std::string_view) { return std::make_shared<Limiter>(options); };
    auto all = std::make_shared<keyed<Limiter>>(make, keyed_options{most});
    return [all = std::move(all)](std::string_view key) -> pipeline_part { return all->get(key); };
}

// Finds the places of what is there once a key, and makes what keeps it.
void give_own_policies(route_state& r, const monotonic_clock* time) {
    const route_configuration& c = r.configured;
    r.breaker_at = place_of<circuit_breaker>(r.policies);
    r.limit_at = place_of<token_bucket, fixed_window, sliding_window>(r.policies);
    r.hedged = r.policies.find<hedge>();
    r.outer_end = r.hedged ? place_of<hedge>(r.policies) : r.policies.parts().size();
    r.inner_at = r.hedged ? r.outer_end + 1 : r.outer_end;
    if (c.retry) r.repeats_on = c.retry->on;
    else if (c.hedge) r.repeats_on.emplace();
    if (c.rate_limit && c.rate_limit->per) {
        const rate_limit_configuration& l = *c.rate_limit;
        switch (l.algorithm) {
            case rate_algorithm::token_bucket: r.limit_of = limits<token_bucket>(l.bucket, l.max_keys); break;
            case rate_algorithm::fixed_window: r.limit_of = limits<fixed_window>(l.windowed, l.max_keys); break;
            case rate_algorithm::sliding_window: r.limit_of = limits<sliding_window>(l.windowed, l.max_keys); break;
        }
    }
    if (!c.circuit_breaker) return;
    const breaker_scope& scope = c.circuit_breaker->scope;
    if (scope.per == breaker_scope::kind::endpoint) {
        r.chooses_first = true;
        if (!r.hedged) r.outer_end = r.inner_at = r.breaker_at;
        if (!r.to->breakers)
            r.to->breakers = std::make_unique<endpoint_breakers>(r.to->configured, *r.to->endpoints,
                                                                 c.circuit_breaker->options, time);
    } else if (scope.per == breaker_scope::kind::header) {
        const auto options = std::make_shared<const circuit_breaker_options>(c.circuit_breaker->options);
        r.breaker_of = std::make_unique<keyed<circuit_breaker>>(
            [options, time, base = r.configured.name + "/" + scope.header + "="](std::string_view key) {
                return std::make_shared<circuit_breaker>(base + printable(key), options, time);
            },
            keyed_options{most_breakers});
    } else {
        r.breaker = r.policies.find<circuit_breaker>();
    }
}

}  // namespace

std::expected<std::unique_ptr<plan>, std::vector<config_error>> plan::make(const configuration& c, unsigned workers,
                                                                           const monotonic_clock* time) {
    std::unique_ptr<plan> made{new plan{c}};
    std::vector<config_error> errors;
    std::map<std::string, upstream_state*, std::less<>> by_name;
    std::map<std::string, shared_policies, std::less<>> shared;
    for (const upstream_configuration& u : c.upstreams) {
        auto& added = *made->upstreams_.emplace_back(std::make_unique<upstream_state>());
        added.configured = u;
        added.number = made->upstreams_.size() - 1;
        added.endpoints =
            std::make_unique<upstream>(u.name, u.options, workers, [p = made.get()](const verdict_change& v) {
                if (p->told_) p->told_(v);
            });
        for (const endpoint_configuration& e : u.endpoints) added.in_use[text_of(e.address)];
        by_name[u.name] = &added;
        shared.emplace(u.name, shared_policies{u});
    }
    std::vector<route_pattern> patterns;
    for (std::size_t i = 0; i < c.routes.size(); ++i) {
        const route_configuration& r = c.routes[i];
        auto policies = dynamic_pipeline::make(policy_row(r, shared.at(r.upstream), time), time);
        if (!policies) {
            for (config_error& e : policies.error()) e.option = "routes[" + std::to_string(i) + "]." + e.option;
            errors.insert(errors.end(), policies.error().begin(), policies.error().end());
            continue;
        }
        auto& added = *made->routes_.emplace_back(
            std::make_unique<route_state>(r, std::move(*policies), by_name.at(r.upstream), workers));
        give_own_policies(added, time);
        if (r.fallback && r.fallback->upstream) added.spare = by_name.at(*r.fallback->upstream);
        if (r.cache || (r.fallback && r.fallback->stale_if_error)) {
            const std::uint32_t most = r.cache ? r.cache->capacity : cache_options{}.capacity;
            added.answers = std::make_unique<answer_store>(most, c.limits.answers);
            made->answers_.push_back(added.answers.get());
            if (r.cache) added.flights = std::make_unique<answer_flights>();
        }
        added.replaces_errors = added.spare != nullptr || added.answers != nullptr;
        added.keeps_body = added.repeats_on || added.spare != nullptr;
        for (route_pattern& p : patterns_of(r.match, i)) {
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
