#include "config/checks.hpp"

#include "config/document.hpp"
#include "config/near_miss.hpp"
#include "config/notation.hpp"
#include "plan/policy_row.hpp"
#include "routing/route_patterns.hpp"
#include "text/request_path.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

namespace fusebox::gateway::config {

namespace {

std::string route_path(std::size_t i) {
    return "routes[" + std::to_string(i) + "]";
}

// "GET example.com/api*"
std::string name_from(const route_match& m) {
    const auto joined = [](const std::vector<std::string>& all) {
        std::string out;
        for (const auto& one : all) out += (&one == &all.front() ? "" : ",") + one;
        return out;
    };
    std::string name = joined(m.methods) + (m.methods.empty() ? "" : " ") + joined(m.hosts);
    if (m.path) return name + *m.path;
    return name + m.path_prefix.value_or("/") + "*";
}

// What a socket that listens there takes: an address of IPv4, of IPv6, or one of each; all zeros for all.
std::vector<address_range::bytes> taken_by(const socket_address& at) {
    const auto ip = [](const char* text) { return *parse_ip(text); };
    if (at.host.empty() || at.host == "::") return {ip("0.0.0.0"), ip("::")};
    if (at.host == "localhost") return {ip("127.0.0.1"), ip("::1")};
    const auto one = parse_ip(at.host);
    return one ? std::vector{*one} : std::vector<address_range::bytes>{};
}

bool overlap(const socket_address& a, const socket_address& b) {
    if (a.port != b.port || a.port == 0) return false;
    const address_range any[] = {{*parse_ip("0.0.0.0"), 128}, {*parse_ip("::"), 128}}, v4{*parse_ip("0.0.0.0"), 96};
    const auto is_any = [&](const auto& ip) { return any[0].contains(ip) || any[1].contains(ip); };
    for (const auto& one : taken_by(a))
        for (const auto& other : taken_by(b))
            if (v4.contains(one) == v4.contains(other) && (one == other || is_any(one) || is_any(other))) return true;
    return false;
}

class checker {
public:
    checker(const checked_configuration& checked, std::vector<diagnostic>& errors) : in_(checked), errors_(errors) {}

    void everything() {
        listeners();
        for (const auto& u : in_.value.upstreams) upstream(u), upstream_policies(u);
        for (std::size_t i = 0; i < in_.value.routes.size(); ++i) route(in_.value.routes[i], route_path(i));
        route_names();
        routing();
        breakers_of_upstreams();
        breaker_names();
    }

private:
    bool written(const std::string& path) const { return in_.origins.contains(path); }

    void refuse(const std::string& path, std::string message) {
        errors_.push_back({in_.file, position_of(in_, path), path, std::move(message)});
    }

    void listeners() {
        if (written("listen") && in_.value.listen.empty())
            refuse("listen", "has no address; write one, such as \":8080\"");
        if (written("upstreams") && in_.value.upstreams.empty())
            refuse("upstreams", "has no upstream; write one, such as orders: { endpoints: [\"10.0.0.1:80\"] }");
        if (written("routes") && in_.value.routes.empty()) refuse("routes", "has no route; nothing would be forwarded");
        const auto& all = in_.value.listen;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::string one = "listen[" + std::to_string(i) + "]", path = written(one) ? one : "listen";
            listener(all[i], path);
            const auto taken = std::find_if(all.begin(), all.begin() + std::ptrdiff_t(i),
                                            [&](const socket_address& a) { return overlap(a, all[i]); });
            if (taken == all.begin() + std::ptrdiff_t(i)) continue;
            const std::string text = write_address(all[i]), other = write_address(*taken);
            refuse(path, text == other ? "has " + text + " twice; remove one"
                                       : "has " + text + ", which " + other + " takes already; remove one");
        }
        const socket_address& admin = in_.value.admin.listen;
        listener(admin, "admin.listen");
        if (std::none_of(all.begin(), all.end(), [&](const socket_address& a) { return overlap(a, admin); })) return;
        if (written("admin.listen"))
            return refuse("admin.listen", "is an address of listen too; give the admin API a port of its own");
        refuse("listen", "takes the address of the admin API, " + write_address(admin) +
                             ", too; give that a port of its own by admin:");
    }

    void listener(const socket_address& at, const std::string& path) {
        if (at.host.empty() || at.host == "localhost" || parse_ip(at.host)) return;
        refuse(path, in_quotes(write_address(at)) +
                         " is a name; write an IP address of this machine, localhost, or the port alone, \":" +
                         std::to_string(at.port) + "\", for all its addresses");
    }

    void upstream(const upstream_configuration& u) {
        const std::string path = "upstreams." + u.name;
        const bool good = std::all_of(u.name.begin(), u.name.end(), [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
        });
        if (!good) refuse(path, "has a name with other characters than letters, digits, -, _ and .");
        std::set<std::string> seen;
        for (std::size_t i = 0; i < u.endpoints.size(); ++i) {
            const auto& address = u.endpoints[i].address;
            const std::string here = path + ".endpoints[" + std::to_string(i) + "]";
            if (address.host.empty() || address.port == 0)
                refuse(here, in_quotes(write_address(address)) +
                                 " cannot be connected to; it needs a host, and a port above 0");
            else if (!seen.insert(write_address(address)).second)
                refuse(here, "is there twice; for more calls give it a weight: { address: …, weight: 2 }");
        }
    }

    void upstream_policies(const upstream_configuration& u) {
        const std::string path = "upstreams." + u.name;
        adaptive_limit(path);
        if (!u.rate_limit) return;
        rate_limit(*u.rate_limit, path + ".rate_limit");
        if (u.rate_limit->per)
            refuse(path + ".rate_limit.per",
                   "cannot be in an upstream, whose limit is for all; write it in the routes");
    }

    void adaptive_limit(const std::string& path) {
        if (written(path + ".adaptive_limit.gradient2") && written(path + ".adaptive_limit.vegas"))
            refuse(path + ".adaptive_limit.vegas", "cannot be beside gradient2; leave out one of the two");
    }

    void upstream_name(const std::string& name, const std::string& path) {
        const auto& all = in_.value.upstreams;
        if (all.empty()) return;  // said already
        if (std::any_of(all.begin(), all.end(), [&](const auto& u) { return u.name == name; })) return;
        std::vector<std::string> known;
        for (const auto& u : all) known.push_back(u.name);
        refuse(path, "there is no upstream " + in_quotes(name) + suggestion(name, known));
    }

    void route(const route_configuration& r, const std::string& path) {
        if (written(path + ".upstream")) upstream_name(r.upstream, path + ".upstream");
        if (r.fallback && r.fallback->upstream) {
            upstream_name(*r.fallback->upstream, path + ".fallback.upstream");
            if (*r.fallback->upstream == r.upstream)
                refuse(path + ".fallback.upstream", "is the route's own upstream, which has failed by then");
        }
        const bool unbounded_tries = r.timeout.per_try == duration::max();
        if (unbounded_tries && r.circuit_breaker && r.timeout.total != duration::max())
            refuse(path + ".timeout.per_try", "is none below a total of " + write_duration(r.timeout.total) +
                                                  ": one hanging try takes the whole time, and the circuit breaker "
                                                  "never hears of it; give it a limit");
        if (!unbounded_tries && r.timeout.per_try > r.timeout.total)
            refuse(path + ".timeout.per_try", "is " + write_duration(r.timeout.per_try) + ", longer than the total, " +
                                                  write_duration(r.timeout.total) +
                                                  ": it would never strike; write less");
        if (unbounded_tries && r.hedge)
            refuse(path + ".timeout.per_try", "is none beside hedge: tries that hang would pile up; give it a limit");
        adaptive_limit(path);
        if (r.rate_limit) rate_limit(*r.rate_limit, path + ".rate_limit");
        pattern(r.match.path, path + ".match.path");
        pattern(r.match.path_prefix, path + ".match.path_prefix");
    }

    // No request gets as far as a pattern that is otherwise than the rules of `paths` leave them.
    void pattern(const std::optional<std::string>& text, const std::string& path) {
        if (!text) return;
        std::string room(text->size(), '\0');
        const auto reached = request_path(*text, in_.value.paths, room);
        if (!reached) return refuse(path, "matches no request under paths: " + std::string{reached.error()});
        if (*reached != *text) refuse(path, "matches no request under paths; write " + std::string{*reached});
    }

    void rate_limit(const rate_limit_configuration& limit, const std::string& path) {
        const bool tokens = limit.algorithm == rate_algorithm::token_bucket;
        for (const char* key : {"limit", "window"})
            if (tokens && written(path + "." + key))
                refuse(path + "." + key,
                       "means nothing to a token_bucket, which has rate and burst; or write "
                       "algorithm: sliding_window");
        for (const char* key : {"rate", "burst"})
            if (!tokens && written(path + "." + key))
                refuse(path + "." + key, "means nothing to a limit by windows, which has limit and window");
    }

    void route_names() {
        std::map<std::string, std::size_t> first;
        for (std::size_t i = 0; i < in_.value.routes.size(); ++i) {
            const auto [at, fresh] = first.emplace(in_.value.routes[i].name, i);
            if (fresh) continue;
            const std::string path = route_path(i) + (written(route_path(i) + ".name") ? ".name" : "");
            refuse(path, "is called " + in_quotes(at->first) + ", as routes[" + std::to_string(at->second) +
                             "] is; give it another name, or another match");
        }
    }

    // Two routes that match the same, each time with the one that would never be taken.
    void routing() {
        std::vector<route_pattern> patterns;
        for (std::size_t i = 0; i < in_.value.routes.size(); ++i)
            if (!said_within(route_path(i) + ".match"))
                std::ranges::move(patterns_of(in_.value.routes[i].match, i), std::back_inserter(patterns));
        for (;;) {
            const auto routed = router::make(patterns);
            if (routed) return;
            const config_error& wrong = routed.error();
            if (!said(wrong.option)) refuse(wrong.option, wrong.expectation + "; give it another match, or remove it");
            if (std::erase_if(patterns, [&](const route_pattern& p) { return p.called == wrong.option; }) == 0) return;
        }
    }

    bool said(const std::string& path) const {
        return std::any_of(errors_.begin(), errors_.end(), [&](const diagnostic& d) { return d.path == path; });
    }
    bool said_within(const std::string& path) const {
        return std::any_of(errors_.begin(), errors_.end(),
                           [&](const diagnostic& d) { return d.path.starts_with(path); });
    }

    // A breaker of an upstream, or of its endpoints, is one for all routes that go there: it cannot be two things.
    void breakers_of_upstreams() {
        const auto& routes = in_.value.routes;
        std::map<std::pair<std::string, breaker_scope::kind>, std::size_t> first;
        for (std::size_t i = 0; i < routes.size(); ++i) {
            const auto& b = routes[i].circuit_breaker;
            if (!b || (b->scope.per != breaker_scope::kind::upstream && b->scope.per != breaker_scope::kind::endpoint))
                continue;
            const auto [at, fresh] = first.emplace(std::pair{routes[i].upstream, b->scope.per}, i);
            if (fresh || routes[at->second].circuit_breaker->options == b->options) continue;
            refuse(route_path(i) + ".circuit_breaker",
                   "differs from that of " + route_path(at->second) + ", with which it shares the breaker of " +
                       in_quotes(routes[i].upstream) + "; write scope: route, or name one policy in both");
        }
    }

    // Metrics and the admin API know breakers by their names alone.
    void breaker_names() {
        struct owner {
            std::string what;
            std::string path;
        };
        std::map<std::string, owner> owners;
        const auto give = [&](const std::string& name, const std::string& what, const std::string& path) {
            const auto [at, fresh] = owners.emplace(name, owner{what, path});
            if (fresh || at->second.what == what || said(path)) return;
            refuse(path, "has a breaker of the name " + in_quotes(name) + ", and so has " + at->second.what +
                             "; give the route another name");
        };
        const auto& routes = in_.value.routes;
        for (const bool shared : {true, false})  // it is a route's name that is easily changed
            for (std::size_t i = 0; i < routes.size(); ++i) {
                const auto& b = routes[i].circuit_breaker;
                if (!b) continue;
                const std::string path = route_path(i) + (written(route_path(i) + ".name") ? ".name" : "");
                const std::string upstream = "the upstream " + in_quotes(routes[i].upstream);
                if (shared && b->scope.per == breaker_scope::kind::upstream) give(routes[i].upstream, upstream, path);
                if (shared && b->scope.per == breaker_scope::kind::endpoint)
                    for (const auto& u : in_.value.upstreams)
                        for (const auto& e : u.endpoints)
                            if (const std::string at = write_address(e.address); u.name == routes[i].upstream)
                                give(u.name + "/" + at, "the endpoint " + at + " of " + upstream, path);
                if (!shared && b->scope.per == breaker_scope::kind::route)
                    give(routes[i].name, "the route " + route_path(i), path);
            }
    }

    const checked_configuration& in_;
    std::vector<diagnostic>& errors_;
};

}  // namespace

text_position position_of(const checked_configuration& checked, std::string_view path) {
    for (;;) {
        if (const auto found = checked.origins.find(path); found != checked.origins.end()) return found->second.at;
        const auto cut = path.find_last_of(".[");
        if (cut == std::string_view::npos) return {};
        path = path.substr(0, cut);
    }
}

bool comes_before(const diagnostic& a, const diagnostic& b) {
    return std::tie(a.at, a.path, a.message) < std::tie(b.at, b.path, b.message);
}

void complete(checked_configuration& checked) {
    auto& routes = checked.value.routes;
    for (std::size_t i = 0; i < routes.size(); ++i)
        if (!checked.origins.contains(route_path(i) + ".timeout.per_try"))
            routes[i].timeout.per_try = std::min(routes[i].timeout.per_try, routes[i].timeout.total);
    std::map<std::string, duration> longest_try;  // by upstream, since its routes may share a breaker
    for (const auto& r : routes)
        if (r.circuit_breaker && r.timeout.per_try < duration::max() / 2)
            longest_try[r.upstream] = std::max(longest_try[r.upstream], r.timeout.per_try);
    for (std::size_t i = 0; i < routes.size(); ++i) {
        route_configuration& r = routes[i];
        if (r.name.empty()) r.name = name_from(r.match);
        if (!r.circuit_breaker || checked.origins.contains(route_path(i) + ".circuit_breaker.trial_lease")) continue;
        // A slow but healthy upstream would never be believed if its trial calls were given up too early.
        auto& lease = r.circuit_breaker->options.trial_lease;
        lease = std::max(lease, 2 * longest_try[r.upstream]);
    }
}

void check(const checked_configuration& checked, std::vector<diagnostic>& errors) {
    checker{checked, errors}.everything();
    if (!errors.empty()) return;
    // Whatever the gateway itself would refuse beyond that.
    auto wrong = check_policies(checked.value);
    std::vector<route_pattern> patterns;
    for (std::size_t i = 0; i < checked.value.routes.size(); ++i)
        std::ranges::move(patterns_of(checked.value.routes[i].match, i), std::back_inserter(patterns));
    if (const auto routed = router::make(patterns); !routed) wrong.push_back(routed.error());
    for (const config_error& e : wrong)
        errors.push_back({checked.file, position_of(checked, e.option), e.option, e.value + " " + e.expectation});
}

}  // namespace fusebox::gateway::config
