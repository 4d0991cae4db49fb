// What the gateway counts of its traffic, as metrics: requests and tries with their durations, connections, requests
// without a route; and how much room the policies have left. docs/metrics.md names them.
//
// Thread-safety: any, as the counts are.
#pragma once

#include "plan/plan.hpp"
#include "telemetry/unrouted_counts.hpp"

#include <fusebox/http/server.hpp>
#include <fusebox/metrics/exposition.hpp>

#include <span>

namespace fusebox::gateway {

// The clients of one thread.
struct served_clients {
    const http::server& server;
    const unrouted_counts& unrouted;
};

void expose_requests(metrics::exposition& out, const plan& p);
void expose_connections(metrics::exposition& out, std::span<const served_clients> all);
void expose_room(metrics::exposition& out, const plan& p, time_point now);

}  // namespace fusebox::gateway
