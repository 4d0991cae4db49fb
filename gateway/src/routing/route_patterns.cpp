#include "routing/route_patterns.hpp"

#include <string>

namespace fusebox::gateway {

std::vector<route_pattern> patterns_of(const route_match& match, std::size_t i) {
    route_pattern base;
    base.called = "routes[" + std::to_string(i) + "]";
    if (match.path) base.kind = path_match::exact, base.path = *match.path;
    else if (match.path_prefix) base.path = *match.path_prefix;
    base.methods = match.methods;
    for (const header_match& h : match.headers)
        base.fields.push_back({h.name, h.value == "*" ? std::nullopt : std::optional{h.value}});
    if (match.hosts.empty()) return {base};
    std::vector<route_pattern> all(match.hosts.size(), base);
    for (std::size_t host = 0; host < all.size(); ++host) {
        all[host].host = match.hosts[host];
        if (all.size() > 1) all[host].called += ".match.host[" + std::to_string(host) + "]";
    }
    return all;
}

}  // namespace fusebox::gateway
