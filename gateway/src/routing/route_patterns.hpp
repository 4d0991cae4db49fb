// The routes of a configuration as the router takes them. Private.
#pragma once

#include <fusebox/gateway/configuration.hpp>
#include "routing/router.hpp"

#include <vector>

namespace fusebox::gateway {

// One for each host of the route, which stands at routes[i].
std::vector<route_pattern> patterns_of(const route_match& match, std::size_t i);

}  // namespace fusebox::gateway
