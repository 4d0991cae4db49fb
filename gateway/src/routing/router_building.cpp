// How a router is made of its routes.
#include "routing/router.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "routing/route_hash.hpp"
#include "text/host_spelling.hpp"
#include "text/letter_case.hpp"

namespace fusebox::gateway {

using namespace route_hash;

namespace {

bool is_host_text(std::string_view host, bool wildcard) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    };
    if (host.starts_with('['))
        return !wildcard && host.ends_with(']') && host.find(':') != std::string_view::npos &&
               parse_ip(host.substr(1, host.size() - 2));
    return std::ranges::all_of(host, fits) && host.find("..") == std::string_view::npos && !host.starts_with('.') &&
           !host.ends_with('.');
}

// A match with what does not matter taken out, to see whether two are the same.
route_pattern canonical(route_pattern m) {
    host_room room;
    m.host = lower(one_spelling(m.host, room));
    std::ranges::sort(m.methods);
    for (auto& f : m.fields) f.name = lower(f.name);
    std::ranges::sort(m.fields, {}, [](const field_condition& f) { return std::tie(f.name, f.value); });
    return m;
}

std::uint32_t segments(std::string_view prefix) {
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    return static_cast<std::uint32_t>(std::ranges::count(prefix, '/'));
}

}  // namespace

std::optional<config_error> route_pattern::validate() const {
    const std::string_view name = std::string_view(host).starts_with("*.") ? std::string_view(host).substr(2) : host;
    if (!is_host_text(name, name.size() != host.size()) || (name.empty() && !host.empty()))
        return config_error{"host", host,
                            "must be a name without port such as api.example.com, or *.example.com, or an IPv6 address "
                            "as [2001:db8::1]"};
    if (!path.starts_with('/') || path.find_first_of("?#") != std::string::npos)
        return config_error{"path", path, "must begin with /, and have neither a query nor a fragment"};
    for (const auto& method : methods)
        if (method.empty()) return config_error{"methods", "", "must not hold an empty name; leave it out for any"};
    for (const auto& f : fields)
        if (f.name.empty()) return config_error{"headers", "", "must not hold an empty name"};
    return std::nullopt;
}

std::expected<router, config_error> router::make(const std::vector<route_pattern>& routes) {
    router made;
    const auto called = [&](std::uint32_t i) {
        return routes[i].called.empty() ? "routes[" + std::to_string(i) + "]" : routes[i].called;
    };
    for (std::uint32_t i = 0; i < routes.size(); ++i) {
        if (auto wrong = routes[i].validate()) {
            wrong->option = called(i) + "." + wrong->option;
            return std::unexpected(*std::move(wrong));
        }
        route_pattern m = canonical(routes[i]);
        path_node& node = made.paths_[made.add_path(made.add_host(m.host), m)];
        for (const candidate& c : node.candidates)
            if (c.methods == m.methods && c.fields == m.fields)
                return std::unexpected(
                    config_error{called(i), routes[i].host + routes[i].path,
                                 "matches the same as " + called(c.route) + ", and would never be taken"});
        node.candidates.push_back({i, std::move(m.methods), std::move(m.fields)});
        std::ranges::sort(node.candidates, {}, [](const candidate& c) {
            return std::tuple{c.methods.empty(), -static_cast<std::int64_t>(c.fields.size()), c.route};
        });
    }
    made.link();
    return made;
}

std::uint32_t router::add_host(const std::string& pattern) {
    const bool wildcard = pattern.starts_with('*');
    const std::string text = wildcard ? pattern.substr(1) : pattern;
    std::uint32_t node = pattern.empty() ? any_host_ : find_host(text);
    if (node != none) return node;
    node = static_cast<std::uint32_t>(hosts_.size());
    hosts_.push_back({.host = text});
    if (pattern.empty()) any_host_ = node;
    else host_table_.put(of_host(text), node);
    if (wildcard)
        deepest_wildcard_ = std::max(deepest_wildcard_, static_cast<std::uint32_t>(std::ranges::count(text, '.')));
    return node;
}

std::uint32_t router::add_path(std::uint32_t host, const route_pattern& m) {
    const std::uint64_t hash = of_path(host, m.kind, m.path);
    std::uint32_t node = find_path(hash, host, m.kind, m.path);
    if (node != none) return node;
    node = static_cast<std::uint32_t>(paths_.size());
    paths_.push_back({.host = host, .kind = m.kind, .path = m.path});
    path_table_.put(hash, node);
    if (m.kind == path_match::exact) hosts_[host].has_exact = true;
    else hosts_[host].deepest = std::max(hosts_[host].deepest, segments(m.path));
    return node;
}

// Who comes after whom, when the conditions of the more specific do not hold.
void router::link() {
    for (std::uint32_t h = 0; h < hosts_.size(); ++h)
        if (h != any_host_) hosts_[h].wider = wildcard_of(hosts_[h].host);
    for (path_node& node : paths_) {
        if (node.kind == path_match::exact || node.path == "/") continue;
        // The next shorter prefix is the longest of the path without its last letter, which may cut a segment:
        // then that piece is none that anybody has as a prefix, unless it ends where a segment does.
        std::string_view rest = node.path;
        do {
            rest.remove_suffix(1);
            const std::uint32_t shorter = longest_prefix(node.host, rest);
            if (shorter == none) break;
            const std::string_view found = paths_[shorter].path;
            const bool whole = found.ends_with('/') || node.path[found.size()] == '/';
            if (whole) {
                node.shorter = shorter;
                break;
            }
            rest = found;
        } while (rest.size() > 1);
    }
}

}  // namespace fusebox::gateway
