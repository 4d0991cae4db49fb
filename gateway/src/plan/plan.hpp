// A configuration made ready to serve: routes with their policies, upstreams with their endpoints. Shared by all
// worker threads, and not changed while they serve.
#pragma once

#include "endpoints/endpoint_breakers.hpp"
#include "kept/answer_flights.hpp"
#include "kept/answer_store.hpp"
#include "plan/timings.hpp"

#include <fusebox/gateway/address_range.hpp>
#include <fusebox/gateway/configuration.hpp>
#include "endpoints/upstream.hpp"
#include "messages/incident.hpp"
#include "routing/router.hpp"

#include <fusebox/dynamic_pipeline.hpp>
#include <fusebox/keyed.hpp>

#include <atomic>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fusebox::gateway {

// Where an answer in the place of an error is from.
enum fallback_kind : unsigned char { fallback_stale, fallback_upstream, fallback_fixed };

// What a worker counts of a route. Written by that worker, read by any.
struct alignas(64) route_counts {
    std::atomic<std::uint64_t> responses[6]{};  // by class: [2] is 2xx; [0] for none, when the client was gone
    std::atomic<std::uint64_t> tries{0};
    std::atomic<std::uint64_t> incidents[incident_count]{};
    std::atomic<std::uint64_t> cache_hits{0};
    std::atomic<std::uint64_t> cache_shared{0};
    std::atomic<std::uint64_t> cache_validated{0};
    std::atomic<std::uint64_t> fallbacks[3]{};  // answers in the place of an error, by fallback_kind
    timings served;                             // requests, by the status of their responses
    timings tried;                              // tries, by status, or by incident from here on:
    static constexpr std::uint16_t first_incident = 1000;

    static void add(std::atomic<std::uint64_t>& own) noexcept {
        own.store(own.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
};

// Of an endpoint, by all workers.
struct alignas(64) use_count {
    std::atomic<std::uint32_t> connections{0};
};

struct upstream_state {
    // Whether no connection to it is to be had: connections.max_per_endpoint are in use.
    bool is_full(const endpoint& e) const {
        const auto used = in_use.find(e.address());
        return used != in_use.end() &&
               used->second.connections.load(std::memory_order_relaxed) >= configured.connections.max_per_endpoint;
    }

    upstream_configuration configured;
    std::unique_ptr<upstream> endpoints;
    std::size_t number = 0;
    std::unordered_map<std::string, use_count> in_use;  // by address; which are there does not change
    std::unique_ptr<endpoint_breakers> breakers;        // null unless a route has the scope endpoint; tells `endpoints`
};

struct route_state {
    route_configuration configured;
    dynamic_pipeline policies;
    upstream_state* to = nullptr;
    upstream_state* spare = nullptr;           // the fallback's; null when there is none
    std::unique_ptr<answer_store> answers;     // null when none are kept
    std::unique_ptr<answer_flights> flights;   // of requests that miss them; null without a cache
    bool keeps_body = false;                   // of requests, for another try
    bool replaces_errors = false;              // that the upstream answers, when it can
    std::shared_ptr<circuit_breaker> breaker;  // null when there is none, or not one for all requests
    outcome_rules rules;

    // Where a request has a policy of its own: at these places of `policies` its own stands instead (proxied_exchange).
    std::size_t breaker_at = 0;  // beyond the end when there is none, as the others
    std::size_t limit_at = 0;
    std::unique_ptr<keyed<circuit_breaker>> breaker_of;           // by a header's value
    std::function<pipeline_part(std::string_view key)> limit_of;  // by what rate_limit.per says
    // The policies before outer_end are asked once a request, those from inner_at on anew for each attempt: where
    // there may be several at a time (hedge), or each asks the breaker of its endpoint, which it chooses first.
    std::size_t outer_end = 0;
    std::size_t inner_at = 0;
    bool chooses_first = false;
    bool has_inner() const noexcept { return outer_end != policies.parts().size(); }

    std::shared_ptr<hedge> hedged;               // null when there is none
    std::optional<retry_conditions> repeats_on;  // nothing when requests are sent once only

    std::vector<route_counts> counts;  // one a worker

    route_state(route_configuration c, dynamic_pipeline p, upstream_state* u, unsigned workers)
        : configured(std::move(c)), policies(std::move(p)), to(u), rules(configured.outcomes), counts(workers) {}
};

class plan {
public:
    static std::expected<std::unique_ptr<plan>, std::vector<config_error>> make(const configuration& c,
                                                                                unsigned workers,
                                                                                const monotonic_clock* time);

    route_state* match(const routed_request& request) const {
        const auto found = routes_by_pattern_->match(request);
        return found ? owner_of_pattern_[*found] : nullptr;
    }
    const std::vector<std::unique_ptr<route_state>>& routes() const noexcept { return routes_; }
    const std::vector<std::unique_ptr<upstream_state>>& upstreams() const noexcept { return upstreams_; }
    // Of the routes that keep any.
    const std::vector<answer_store*>& answers() const noexcept { return answers_; }
    const configuration& configured() const noexcept { return configured_; }

    // Who hears of changed verdicts from now on. Only while nothing serves.
    void tell_verdicts(verdict_listener listener) { told_ = std::move(listener); }

private:
    explicit plan(const configuration& c) : configured_(c) {}

    configuration configured_;
    verdict_listener told_;
    std::vector<std::unique_ptr<upstream_state>> upstreams_;
    std::vector<std::unique_ptr<route_state>> routes_;
    std::vector<answer_store*> answers_;
    std::optional<router> routes_by_pattern_;
    std::vector<route_state*> owner_of_pattern_;  // a route has a pattern for each of its hosts
};

}  // namespace fusebox::gateway
