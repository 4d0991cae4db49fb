#include "plan/policy_row.hpp"

#include <map>
#include <string>
#include <utility>

namespace fusebox::gateway {

namespace {

policy_spec spec_of(const rate_limit_configuration& limit) {
    switch (limit.algorithm) {
        case rate_algorithm::fixed_window: return fixed_window_options{limit.windowed};
        case rate_algorithm::sliding_window: return sliding_window_options{limit.windowed};
        default: return limit.bucket;
    }
}

policy_spec breaker_of(const route_configuration& r, shared_policies& shared, const monotonic_clock* time) {
    const auto& b = *r.circuit_breaker;
    if (b.scope.per != breaker_scope::kind::upstream) return circuit_breaker_spec{r.name, b.options};
    if (!shared.breaker) shared.breaker = std::make_shared<circuit_breaker>(r.upstream, b.options, time);
    return shared.breaker;
}

}  // namespace

shared_policies::shared_policies(const upstream_configuration& u) {
    if (u.rate_limit) {
        switch (u.rate_limit->algorithm) {
            case rate_algorithm::token_bucket: rate_limit = std::make_shared<token_bucket>(u.rate_limit->bucket); break;
            case rate_algorithm::fixed_window:
                rate_limit = std::make_shared<fixed_window>(u.rate_limit->windowed);
                break;
            case rate_algorithm::sliding_window:
                rate_limit = std::make_shared<sliding_window>(u.rate_limit->windowed);
                break;
        }
    }
    if (u.throttle) throttle = std::make_shared<throttler>(*u.throttle);
    if (u.retry_budget) budget = std::make_shared<retry_budget>(*u.retry_budget);
    if (u.bulkhead) bulkhead = std::make_shared<fusebox::bulkhead>(*u.bulkhead);
    if (u.adaptive_limit) adaptive_limit = std::make_shared<adaptive_limiter>(*u.adaptive_limit);
}

std::vector<policy_spec> policy_row(const route_configuration& r, shared_policies& shared,
                                    const monotonic_clock* time) {
    std::vector<policy_spec> row;
    row.emplace_back(timeout_options{r.timeout.total});
    if (r.rate_limit) row.push_back(spec_of(*r.rate_limit));
    if (shared.rate_limit) row.push_back(*shared.rate_limit);
    if (r.throttle) row.emplace_back(*r.throttle);
    if (shared.throttle) row.emplace_back(shared.throttle);
    auto budget = shared.budget;  // of all further tries
    if (r.retry) {
        retry_options again = r.retry->options;
        if (r.retry->budget && !budget) budget = std::make_shared<retry_budget>(*r.retry->budget);
        if (r.retry->budget) again.budget = budget;
        row.emplace_back(std::move(again));
    }
    if (r.hedge) {
        hedge_options beside = *r.hedge;
        beside.budget = std::move(budget);
        row.emplace_back(std::move(beside));
    }
    if (r.circuit_breaker) row.push_back(breaker_of(r, shared, time));
    if (r.bulkhead) row.emplace_back(*r.bulkhead);
    if (shared.bulkhead) row.emplace_back(shared.bulkhead);
    if (r.adaptive_limit) row.emplace_back(*r.adaptive_limit);
    if (shared.adaptive_limit) row.emplace_back(shared.adaptive_limit);
    row.emplace_back(timeout_options{r.timeout.per_try});
    if (r.chaos) row.emplace_back(r.chaos->options);
    return row;
}

std::vector<config_error> check_policies(const configuration& c) {
    std::vector<config_error> errors;
    std::map<std::string, shared_policies, std::less<>> shared;
    for (const upstream_configuration& u : c.upstreams) shared.emplace(u.name, shared_policies{u});
    for (std::size_t i = 0; i < c.routes.size(); ++i) {
        const route_configuration& r = c.routes[i];
        for (config_error& e : dynamic_pipeline::validate(policy_row(r, shared.at(r.upstream), nullptr))) {
            e.option = "routes[" + std::to_string(i) + "]." + e.option;
            errors.push_back(std::move(e));
        }
    }
    return errors;
}

}  // namespace fusebox::gateway
