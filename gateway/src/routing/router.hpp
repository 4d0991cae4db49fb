// Which route a request takes. The most specific route that matches wins:
//
//   1. host    exact, before the longest *.suffix, before any
//   2. path    exact, before the longest prefix
//   3. a route with methods before one without
//   4. more conditions on header fields before fewer
//   5. the earlier in the list
//
// All of it: when the routes of the exact host do not match, those of the next wildcard are tried, and so on.
//
// Hosts are compared without regard to case, and IPv6 addresses by value; a port or a final dot is not part of them.
// `*.example.com` stands for one label or more in front, never for `example.com` itself. Paths are compared as they
// are, and must be normalised before. A prefix matches whole segments: /api matches /api, /api/ and /api/x, not /apix;
// /api/ matches /api/ and /api/x, not /api. The prefix / matches all.
//
// The cost is that of hashing host and path once, however many routes there are; only routes with one and the same
// host and path are tried one after the other. Nothing is allocated.
//
// Thread-safety: immutable once built.
#pragma once

#include "text/fields.hpp"

#include <fusebox/config_error.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::gateway {

enum class path_match : unsigned char { prefix, exact };

// A line of the field is there, with this value where one is given. Names are compared without regard to case.
struct field_condition {
    std::string name;
    std::optional<std::string> value{};

    friend bool operator==(const field_condition&, const field_condition&) = default;
};

struct route_pattern {
    std::string host{};  // "api.example.com", "*.example.com", "[::1]"; empty: any
    path_match kind = path_match::prefix;
    std::string path = "/";
    std::vector<std::string> methods{};  // empty: any
    std::vector<field_condition> fields{};
    std::string called{};  // by messages; its place in the list, as routes[0], when empty

    // What is wrong with it, if anything.
    std::optional<config_error> validate() const;
    friend bool operator==(const route_pattern&, const route_pattern&) = default;
};

struct routed_request {
    std::string_view host;  // without port; an IPv6 address with its brackets or without
    std::string_view path;  // normalised, without query
    std::string_view method;
    const field_source* fields = nullptr;  // null: none
};

class router {
public:
    // Refused when a route cannot be meant, or when two are the same.
    static std::expected<router, config_error> make(const std::vector<route_pattern>& routes);

    // The number of the route, or nothing.
    std::optional<std::size_t> match(const routed_request& request) const;

private:
    static constexpr std::uint32_t none = ~0u;

    // A route that is in question once host and path fit.
    struct candidate {
        std::uint32_t route;
        std::vector<std::string> methods;
        std::vector<field_condition> fields;

        bool fits(const routed_request& request) const;
    };
    struct host_node {
        std::string host;            // exact, or ".example.com" of a wildcard, or empty
        std::uint32_t wider = none;  // the next wider host
        std::uint32_t deepest = 0;   // segments of its longest prefix
        bool has_exact = false;      // some path is to be met exactly
    };
    struct path_node {
        std::uint32_t host;
        path_match kind;
        std::string path;
        std::vector<candidate> candidates{};  // the most specific first
        std::uint32_t shorter = none;         // the next shorter prefix of the same host
    };
    // An open-addressed table from hashes to numbers of nodes.
    class table {
    public:
        void put(std::uint64_t hash, std::uint32_t value);
        template <class Same>
        std::uint32_t find(std::uint64_t hash, Same&& same) const;

    private:
        struct slot {
            std::uint64_t hash = 0;
            std::uint32_t value = none;
        };
        std::vector<slot> slots_;
        std::size_t used_ = 0;
    };

    router() = default;
    std::uint32_t find_host(std::string_view text) const noexcept;
    std::uint32_t wildcard_of(std::string_view host) const noexcept;
    std::uint32_t find_path(std::uint64_t hash, std::uint32_t host, path_match kind,
                            std::string_view path) const noexcept;
    std::uint32_t longest_prefix(std::uint32_t host, std::string_view path) const noexcept;
    std::uint32_t add_host(const std::string& pattern);
    std::uint32_t add_path(std::uint32_t host, const route_pattern& m);
    void link();

    std::vector<host_node> hosts_;
    std::vector<path_node> paths_;
    table host_table_;
    table path_table_;
    std::uint32_t any_host_ = none;
    std::uint32_t deepest_wildcard_ = 0;  // dots
};

}  // namespace fusebox::gateway
