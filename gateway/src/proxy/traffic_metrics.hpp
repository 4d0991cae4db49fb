// What the gateway counts of its traffic, as metrics: requests and tries with their durations, connections, requests
// without a route; and how much room the policies have left. docs/metrics.md names them.
//
// Thread-safety: any, as the counts are.
#pragma once

#include "plan.hpp"
#include "worker.hpp"

#include <fusebox/metrics/exposition.hpp>

#include <vector>

namespace fusebox::gateway {

void expose_requests(metrics::exposition& out, const plan& p);
void expose_connections(metrics::exposition& out, const std::vector<const worker*>& workers);
void expose_room(metrics::exposition& out, const plan& p, time_point now);

}  // namespace fusebox::gateway
