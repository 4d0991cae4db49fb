// Which route a request takes, and that it is the one a plain list would give.
#include "routing/router.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace fusebox::gateway;

struct fields_of final : field_source {
    std::multimap<std::string, std::string> values;
    std::optional<std::string_view> line(std::string_view name, std::size_t n) const override {
        const auto [first, last] = values.equal_range(std::string(name));
        if (std::cmp_greater_equal(n, std::distance(first, last))) return std::nullopt;
        return std::next(first, std::ptrdiff_t(n))->second;
    }
    bool has(const field_condition& wanted) const {
        const auto [first, last] = values.equal_range(wanted.name);
        return std::any_of(first, last, [&](const auto& v) { return !wanted.value || *wanted.value == v.second; });
    }
};

router built(const std::vector<route_pattern>& routes) {
    auto made = router::make(routes);
    if (!made) throw std::logic_error(made.error().message());
    return *std::move(made);
}

// -1 when nothing matches.
int route(const router& r, std::string_view host, std::string_view path, std::string_view method = "GET",
          const field_source* fields = nullptr) {
    const auto found = r.match({host, path, method, fields});
    return found ? static_cast<int>(*found) : -1;
}

TEST(router, matches_prefixes_at_whole_segments) {
    const router r = built({{.path = "/api"}});
    EXPECT_EQ(route(r, "h", "/api"), 0);
    EXPECT_EQ(route(r, "h", "/api/"), 0);
    EXPECT_EQ(route(r, "h", "/api/x/y"), 0);
    EXPECT_EQ(route(r, "h", "/apix"), -1);
    EXPECT_EQ(route(r, "h", "/ap"), -1);
    EXPECT_EQ(route(r, "h", "/x/api"), -1);
    EXPECT_EQ(route(r, "h", "/API"), -1);
}

TEST(router, takes_a_prefix_with_a_final_slash_for_what_is_below_it) {
    const router r = built({{.path = "/api/"}, {.path = "/"}});
    EXPECT_EQ(route(r, "h", "/api"), 1);
    EXPECT_EQ(route(r, "h", "/api/"), 0);
    EXPECT_EQ(route(r, "h", "/api//"), 0);
    EXPECT_EQ(route(r, "h", "/api/x"), 0);
}

TEST(router, prefers_the_exact_path_then_the_longest_prefix) {
    const router r =
        built({{.path = "/"}, {.path = "/a"}, {.path = "/a/b"}, {.kind = path_match::exact, .path = "/a/b"}});
    EXPECT_EQ(route(r, "", "/a/b"), 3);
    EXPECT_EQ(route(r, "", "/a/b/c"), 2);
    EXPECT_EQ(route(r, "", "/a/bc"), 1);
    EXPECT_EQ(route(r, "", "/z"), 0);
    EXPECT_EQ(route(r, "", ""), -1);
    EXPECT_EQ(route(r, "", "*"), -1);
}

TEST(router, prefers_the_exact_host_then_the_longest_wildcard_then_any) {
    const router r = built({{},
                            {.host = "*.example.com"},
                            {.host = "*.eu.example.com"},
                            {.host = "a.eu.example.com"},
                            {.host = "example.com"}});
    EXPECT_EQ(route(r, "a.eu.example.com", "/"), 3);
    EXPECT_EQ(route(r, "A.EU.example.COM", "/"), 3);
    EXPECT_EQ(route(r, "a.eu.example.com.", "/"), 3);
    EXPECT_EQ(route(r, "b.eu.example.com", "/"), 2);
    EXPECT_EQ(route(r, "x.y.eu.example.com", "/"), 2);
    EXPECT_EQ(route(r, "eu.example.com", "/"), 1);
    EXPECT_EQ(route(r, "example.com", "/"), 4);
    EXPECT_EQ(route(r, "notexample.com", "/"), 0);
    EXPECT_EQ(route(r, ".example.com", "/"), 0);
    EXPECT_EQ(route(r, "", "/"), 0);
}

TEST(router, compares_addresses_of_ipv6_by_value) {
    const auto r = built({{.host = "[2001:DB8:0::1]"}, {.host = "192.0.2.7"}});
    for (const char* host : {"2001:db8::1", "[2001:db8::1]", "2001:0db8:0:0:0:0:0:1", "[2001:DB8::0.0.0.1]"})
        EXPECT_EQ(route(r, host, "/"), 0) << host;
    EXPECT_EQ(route(r, "192.0.2.7", "/"), 1);
    EXPECT_EQ(route(r, "2001:db8::2", "/"), -1);
    for (const char* bad : {"[::g]", "[]", "[1.2.3.4]", "*.[::1]", "::1"})
        EXPECT_FALSE(router::make({{.host = bad}})) << bad;
    EXPECT_FALSE(router::make({{.host = "[::1]"}, {.host = "[0:0::1]"}})) << "they are the same";
}

TEST(router, asks_the_next_wider_host_when_the_routes_of_the_narrower_do_not_match) {
    const router r = built({{.host = "a.b.c", .path = "/only"}, {.host = "*.b.c", .path = "/wide"}, {.path = "/any"}});
    EXPECT_EQ(route(r, "a.b.c", "/only"), 0);
    EXPECT_EQ(route(r, "a.b.c", "/wide"), 1);
    EXPECT_EQ(route(r, "a.b.c", "/any"), 2);
    EXPECT_EQ(route(r, "a.b.c", "/none"), -1);
}

TEST(router, prefers_routes_with_methods_and_with_more_fields_and_then_the_earlier) {
    const router r = built({{.path = "/a"},
                            {.path = "/a", .methods = {"POST", "PUT"}},
                            {.path = "/a", .fields = {{"X-Canary"}}},
                            {.path = "/a", .fields = {{"x-canary", "yes"}, {"x-user", "7"}}},
                            {.path = "/a", .fields = {{"x-canary", "yes"}}}});
    fields_of fields;
    EXPECT_EQ(route(r, "h", "/a", "GET", &fields), 0);
    EXPECT_EQ(route(r, "h", "/a", "PUT", &fields), 1);
    EXPECT_EQ(route(r, "h", "/a", "put", &fields), 0);
    fields.values = {{"x-canary", "no"}, {"x-canary", "yes"}};
    EXPECT_EQ(route(r, "h", "/a", "GET", &fields), 2);
    fields.values.emplace("x-user", "7");
    EXPECT_EQ(route(r, "h", "/a", "GET", &fields), 3);
    EXPECT_EQ(route(r, "h", "/a", "GET"), 0);
}

TEST(router, falls_back_to_a_shorter_prefix_when_conditions_do_not_hold) {
    const router r = built({{.path = "/"}, {.path = "/a/b/c", .methods = {"POST"}}, {.path = "/a"}, {.path = "/a/"}});
    EXPECT_EQ(route(r, "h", "/a/b/c", "POST"), 1);
    EXPECT_EQ(route(r, "h", "/a/b/c", "GET"), 3);
    EXPECT_EQ(route(r, "h", "/a", "GET"), 2);
}

TEST(router, refuses_what_cannot_be_meant) {
    const auto why = [](const std::vector<route_pattern>& routes) {
        const auto made = router::make(routes);
        return made ? std::string() : made.error().option;
    };
    EXPECT_EQ(why({{.path = "api"}}), "routes[0].path");
    EXPECT_EQ(why({{}, {.path = "/a?b"}}), "routes[1].path");
    EXPECT_EQ(why({{.host = "a:80"}}), "routes[0].host");
    EXPECT_EQ(why({{.host = "a.*.b"}}), "routes[0].host");
    EXPECT_EQ(why({{.host = "*"}}), "routes[0].host");
    EXPECT_EQ(why({{.host = "*."}}), "routes[0].host");
    EXPECT_EQ(why({{.methods = {""}}}), "routes[0].methods");
    EXPECT_EQ(why({{.host = "A", .methods = {"GET", "PUT"}}, {.host = "a", .methods = {"PUT", "GET"}}}), "routes[1]");
    EXPECT_EQ(why({{.host = "[::1]"}}), "");
}

// -- The plain list.

bool host_fits(const std::string& pattern, const std::string& host) {
    if (pattern.empty()) return true;
    if (pattern[0] != '*') return pattern == host;
    const std::string suffix = pattern.substr(1);
    return host.size() > suffix.size() && host.ends_with(suffix) && host[0] != '.';
}

bool path_fits(const route_pattern& p, const std::string& path) {
    if (p.kind == path_match::exact) return p.path == path;
    if (!path.starts_with(p.path)) return false;
    return p.path.ends_with('/') || path.size() == p.path.size() || path[p.path.size()] == '/';
}

int by_plain_list(const std::vector<route_pattern>& routes, const std::string& host, const std::string& path,
                  const std::string& method, const fields_of& fields) {
    using rank = std::tuple<int, std::size_t, int, std::size_t, bool, std::size_t, int>;
    int best = -1;
    rank best_rank{};
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const auto& p = routes[i];
        const bool fits = host_fits(p.host, host) && path_fits(p, path) &&
                          (p.methods.empty() || std::ranges::find(p.methods, method) != p.methods.end()) &&
                          std::ranges::all_of(p.fields, [&](auto& f) { return fields.has(f); });
        if (!fits) continue;
        const int host_kind = p.host.empty() ? 0 : p.host[0] == '*' ? 1 : 2;
        const rank r{host_kind,          p.host.size(),   p.kind == path_match::exact, p.path.size(),
                     !p.methods.empty(), p.fields.size(), -static_cast<int>(i)};
        if (best < 0 || r > best_rank) best = static_cast<int>(i), best_rank = r;
    }
    return best;
}

std::string any_path(bool exotic) {
    std::string path;
    for (const auto& s : *rc::gen::container<std::vector<std::string>>(
             rc::gen::elementOf(std::vector<std::string>{"a", "b", "ab", "abcdefgh", "abcdefghi", exotic ? "" : "c"})))
        path += '/' + s;
    if (path.empty() || *rc::gen::inRange(0, 3) == 0) path += '/';
    return path;
}

std::string any_host() {
    return *rc::gen::elementOf(
        std::vector<std::string>{"", "x", "a.x", "b.a.x", "c.b.a.x", "a.y", "z.a.y", "longer-name.example"});
}

RC_GTEST_PROP(router, agrees_with_a_plain_list, ()) {
    std::vector<route_pattern> routes;
    const auto wanted = *rc::gen::inRange(0, 40);
    for (int i = 0; i < wanted; ++i) {
        route_pattern p;
        p.host = any_host();
        if (!p.host.empty() && *rc::gen::arbitrary<bool>()) p.host = "*." + p.host;
        p.kind = *rc::gen::inRange(0, 3) == 0 ? path_match::exact : path_match::prefix;
        p.path = any_path(false);
        if (*rc::gen::inRange(0, 3) == 0) p.methods = {*rc::gen::elementOf(std::vector<std::string>{"GET", "PUT"})};
        if (*rc::gen::inRange(0, 3) == 0)
            p.fields.push_back({"f", *rc::gen::elementOf(std::vector<std::string>{"1", "2"})});
        if (*rc::gen::inRange(0, 4) == 0) p.fields.push_back({"g"});
        if (std::ranges::find(routes, p) == routes.end()) routes.push_back(p);
    }
    const router r = built(routes);
    for (int i = 0; i < 30; ++i) {
        const std::string host = any_host(), path = any_path(true);
        const std::string method = *rc::gen::elementOf(std::vector<std::string>{"GET", "PUT", "POST"});
        fields_of fields;
        if (*rc::gen::arbitrary<bool>())
            fields.values.emplace("f", *rc::gen::elementOf(std::vector<std::string>{"1", "2", "3"}));
        if (*rc::gen::arbitrary<bool>()) fields.values.emplace("g", "");
        RC_ASSERT(route(r, host, path, method, &fields) == by_plain_list(routes, host, path, method, fields));
    }
}

}  // namespace
