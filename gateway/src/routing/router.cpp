#include "routing/router.hpp"

#include <algorithm>
#include <utility>

#include "routing/route_hash.hpp"
#include "text/host_spelling.hpp"
#include "text/letter_case.hpp"

namespace fusebox::gateway {

using namespace route_hash;

void router::table::put(std::uint64_t hash, std::uint32_t value) {
    if (2 * (used_ + 1) > slots_.size()) {
        std::vector<slot> old = std::exchange(slots_, std::vector<slot>(std::max<std::size_t>(16, 2 * slots_.size())));
        used_ = 0;
        for (const slot& s : old)
            if (s.value != none) put(s.hash, s.value);
    }
    std::size_t i = hash & (slots_.size() - 1);
    while (slots_[i].value != none) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = {hash, value};
    ++used_;
}

template <class Same>
std::uint32_t router::table::find(std::uint64_t hash, Same&& same) const {
    if (slots_.empty()) return none;
    for (std::size_t i = hash & (slots_.size() - 1); slots_[i].value != none; i = (i + 1) & (slots_.size() - 1))
        if (slots_[i].hash == hash && same(slots_[i].value)) return slots_[i].value;
    return none;
}

std::uint32_t router::find_host(std::string_view text) const noexcept {
    return host_table_.find(of_host(text), [&](std::uint32_t i) { return same_letters(hosts_[i].host, text); });
}

// The longest wildcard that `host` falls under, or the node of any host.
std::uint32_t router::wildcard_of(std::string_view host) const noexcept {
    // How many dots the piece from `dot` on has.
    auto labels = static_cast<std::uint32_t>(std::ranges::count(host, '.')) - host.starts_with('.');
    for (std::size_t dot = host.find('.', 1); dot != std::string_view::npos; dot = host.find('.', dot + 1), --labels) {
        if (labels > deepest_wildcard_) continue;
        if (const std::uint32_t h = find_host(host.substr(dot)); h != none) return h;
    }
    return any_host_;
}

std::uint32_t router::find_path(std::uint64_t hash, std::uint32_t host, path_match kind,
                                std::string_view path) const noexcept {
    return path_table_.find(hash, [&](std::uint32_t i) {
        return paths_[i].host == host && paths_[i].kind == kind && paths_[i].path == path;
    });
}

// Follows the path from segment to segment, as deep as there are prefixes, and remembers the last one met.
std::uint32_t router::longest_prefix(std::uint32_t host, std::string_view path) const noexcept {
    std::uint32_t best = none;
    const auto meet = [&](std::uint64_t hash, std::size_t length) {
        const std::uint32_t met = find_path(hash, host, path_match::prefix, path.substr(0, length));
        if (met != none) best = met;
    };
    std::uint64_t h = seed(host, path_match::prefix);
    meet(with_slash(h), 1);
    std::size_t begin = 1;
    for (std::uint32_t depth = 0; depth < hosts_[host].deepest && begin < path.size(); ++depth) {
        const std::size_t slash = path.find('/', begin);
        const std::size_t end = std::min(slash, path.size());
        h = with_segment(h, path.substr(begin, end - begin));
        meet(h, end);
        if (slash == std::string_view::npos) break;
        meet(with_slash(h), end + 1);
        begin = end + 1;
    }
    return best;
}

std::optional<std::size_t> router::match(const routed_request& request) const {
    if (request.path.empty() || request.path.front() != '/') return std::nullopt;
    host_room room;
    std::string_view name = one_spelling(request.host, room);
    if (name.ends_with('.')) name.remove_suffix(1);
    const auto first_fitting = [&](const path_node& node) -> std::optional<std::size_t> {
        for (const candidate& c : node.candidates)
            if (c.fits(request)) return c.route;
        return std::nullopt;
    };
    std::uint32_t host = name.empty() || name.front() == '.' ? none : find_host(name);
    if (host == none) host = wildcard_of(name);
    for (; host != none; host = hosts_[host].wider) {
        if (hosts_[host].has_exact) {
            const std::uint64_t hash = of_path(host, path_match::exact, request.path);
            const std::uint32_t node = find_path(hash, host, path_match::exact, request.path);
            if (node != none)
                if (const auto route = first_fitting(paths_[node])) return route;
        }
        for (std::uint32_t node = longest_prefix(host, request.path); node != none; node = paths_[node].shorter)
            if (const auto route = first_fitting(paths_[node])) return route;
    }
    return std::nullopt;
}

bool router::candidate::fits(const routed_request& request) const {
    if (!methods.empty() && std::ranges::find(methods, request.method) == methods.end()) return false;
    return std::ranges::all_of(fields, [&](const field_condition& f) {
        for (std::size_t n = 0; request.fields != nullptr; ++n) {
            const auto line = request.fields->line(f.name, n);
            if (!line) break;
            if (!f.value || *f.value == *line) return true;
        }
        return false;
    });
}

}  // namespace fusebox::gateway
