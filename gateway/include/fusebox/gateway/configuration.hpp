// What a gateway is told to do, as plain values: where it listens, what it forwards to, and under which policies.
//
// configuration_file.hpp makes one from text. Here nothing is a reference any more: named policies are written
// out in the routes that use them, variables of the environment are replaced, presets applied.
//
// duration::max() is "no limit" wherever a limit may be left out; what is empty is switched off.
#pragma once

#include <fusebox/adaptive_limiter.hpp>
#include <fusebox/bulkhead.hpp>
#include <fusebox/cache.hpp>
#include <fusebox/chaos.hpp>
#include <fusebox/circuit_breaker_options.hpp>
#include <fusebox/gateway/address_range.hpp>
#include <fusebox/gateway/outcomes.hpp>
#include <fusebox/gateway/upstream_options.hpp>
#include <fusebox/hedge.hpp>
#include <fusebox/rate_limiter.hpp>
#include <fusebox/retry.hpp>
#include <fusebox/retry_budget.hpp>
#include <fusebox/throttler.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fusebox::gateway {

// Where to listen, or to connect to. An empty host listens on every address of the machine.
struct socket_address {
    std::string host;  // a name, an IPv4 address, or an IPv6 address without its brackets
    std::uint16_t port = 0;

    friend bool operator==(const socket_address&, const socket_address&) = default;
};

// Statuses of responses: one (503), or a class of them (5xx).
struct status_range {
    std::uint16_t from = 0;
    std::uint16_t to = 0;

    bool contains(unsigned status) const noexcept { return from <= status && status <= to; }
    friend bool operator==(const status_range&, const status_range&) = default;
};

// What tells requests, or callers, apart.
struct request_key {
    enum class source : unsigned char { client_ip, path, header };
    source from = source::client_ip;
    std::string header{};         // its name, when it is a header
    std::uint8_t v6_prefix = 64;  // bits of an IPv6 client_ip that count, 1 to 128: a network is one client

    friend bool operator==(const request_key&, const request_key&) = default;
};

// -- Upstreams.

struct endpoint_configuration {
    socket_address address;
    std::uint32_t weight = 1;  // 1 to 1000

    friend bool operator==(const endpoint_configuration&, const endpoint_configuration&) = default;
};

struct health_check_configuration {
    std::string path = "/healthz";
    std::string host{};  // the Host it asks for; the endpoint's own address when empty
    duration interval = std::chrono::seconds{5};
    duration timeout = std::chrono::seconds{1};
    std::vector<status_range> expected{{200, 299}};

    friend bool operator==(const health_check_configuration&, const health_check_configuration&) = default;
};

struct connection_limits {
    std::uint32_t max_per_endpoint = 1024;
    duration keep_alive_idle = std::chrono::seconds{55};  // how long an unused connection is kept

    friend bool operator==(const connection_limits&, const connection_limits&) = default;
};

// What is known of the upstream from elsewhere. Nothing is done with it at run time: it lets the lints judge.
struct expectation {
    std::optional<double> rate{};          // requests a second
    std::optional<duration> latency{};     // of a usual request
    std::optional<duration> deployment{};  // from its stop to its being warm again

    friend bool operator==(const expectation&, const expectation&) = default;
};

enum class rate_algorithm : unsigned char { token_bucket, fixed_window, sliding_window };

struct rate_limit_configuration {
    rate_algorithm algorithm = rate_algorithm::token_bucket;
    token_bucket_options bucket{};     // of token_bucket
    rate_window_options windowed{};    // of the two others
    std::optional<request_key> per{};  // a limit for each caller instead of one for all
    std::uint32_t max_keys = 10'000;   // callers remembered, 1 to 10 000 000
};

struct upstream_configuration {
    std::string name;
    std::vector<endpoint_configuration> endpoints;
    upstream_options options{};
    request_key hash_on{};                                     // of ring_hash and maglev
    std::optional<health_check_configuration> health_check{};  // when set, options.check is enabled
    connection_limits connections{};
    // Of all routes that lead here together, beside those of each.
    std::optional<bulkhead_options> bulkhead{};
    std::optional<rate_limit_configuration> rate_limit{};  // without `per`
    std::optional<adaptive_limiter_options> adaptive_limit{};
    std::optional<throttler_options> throttle{};
    std::optional<retry_budget_options> retry_budget{};  // instead of one for each
    expectation expected{};
};

// -- Routes and their policies.

struct header_match {
    std::string name;
    std::string value;  // "*" for any

    friend bool operator==(const header_match&, const header_match&) = default;
};

// All that is said must hold; of a list, any. At most one of path and path_prefix is set.
struct route_match {
    std::vector<std::string> hosts{};  // example.com, or *.example.com for what is below it
    std::optional<std::string> path{};
    std::optional<std::string> path_prefix{};
    std::vector<std::string> methods{};
    std::vector<header_match> headers{};

    friend bool operator==(const route_match&, const route_match&) = default;
};

struct route_timeouts {
    duration total = std::chrono::seconds{10};  // of the whole call: queues, tries, and the pauses between
    duration per_try = std::chrono::seconds{3};
    duration connect = std::chrono::seconds{1};
    duration first_byte = duration::max();     // of a try, from its last byte sent to the first of its response
    duration idle = std::chrono::seconds{60};  // between two bytes of a body

    friend bool operator==(const route_timeouts&, const route_timeouts&) = default;
};

// Which outcomes are worth another try.
struct retry_conditions {
    bool connect_failure = true;
    bool reset = true;
    bool timeout = false;  // of a try
    std::vector<status_range> statuses{{502, 502}, {503, 503}, {504, 504}};

    friend bool operator==(const retry_conditions&, const retry_conditions&) = default;
};

struct retry_configuration {
    retry_options options{};                                              // its budget is empty; see below
    std::optional<retry_budget_options> budget = retry_budget_options{};  // empty: without_budget
    retry_conditions on{};
};

// What shares one breaker.
struct breaker_scope {
    enum class kind : unsigned char { route, upstream, endpoint, header };
    kind per = kind::upstream;
    std::string header{};  // its name, when each value of a header has a breaker of its own

    friend bool operator==(const breaker_scope&, const breaker_scope&) = default;
};

struct circuit_breaker_configuration {
    std::string preset{};  // what the options started from; empty for the defaults
    breaker_scope scope{};
    circuit_breaker_options options{};
    std::string why{};  // the reason for these values, shown beside them

    // Takes that preset's options. False when there is none of the name.
    bool start_from(std::string_view preset_name);
};

struct chaos_configuration {
    chaos_options options{};
    std::uint16_t fault_status = 503;  // what a fault answers
};

struct fixed_answer {
    std::uint16_t status = 503;
    std::string body{};
    std::string content_type = "text/plain; charset=utf-8";

    friend bool operator==(const fixed_answer&, const fixed_answer&) = default;
};

// Instead of an error: the last good answer, else another upstream's, else a fixed one. Whatever is set, in this order.
struct fallback_configuration {
    std::optional<duration> stale_if_error{};  // how old the last good answer may be
    std::optional<std::string> upstream{};
    std::optional<fixed_answer> then{};

    friend bool operator==(const fallback_configuration&, const fallback_configuration&) = default;
};

struct route_configuration {
    std::string name;  // of metrics and logs; made from the match unless given: "example.com/api*"
    route_match match{};
    std::string upstream;
    std::optional<std::string> rewrite_host{};  // the Host that the upstream sees; the client's when empty
    route_timeouts timeout{};
    std::optional<retry_configuration> retry = retry_configuration{};
    std::optional<circuit_breaker_configuration> circuit_breaker = circuit_breaker_configuration{};
    std::optional<bulkhead_options> bulkhead{};
    std::optional<rate_limit_configuration> rate_limit{};
    std::optional<adaptive_limiter_options> adaptive_limit{};
    std::optional<throttler_options> throttle{};
    std::optional<hedge_options> hedge{};
    std::optional<chaos_configuration> chaos{};
    std::optional<fallback_configuration> fallback{};
    std::optional<cache_options> cache{};
    outcome_rules outcomes{};                              // what answers and errors say of the upstream
    std::vector<std::string> upgrade{};                    // protocols that a connection may be upgraded to, lower case
    std::uint64_t body_buffer = 64 * std::uint64_t{1024};  // of a request's body kept for another try, in bytes
};

// -- The gateway as a whole.

struct admin_configuration {
    socket_address listen{"127.0.0.1", 9901};
    std::string token{};  // needed beyond loopback

    // By all but the probes: when others than this machine can ask.
    bool asks_for_token() const noexcept;
    friend bool operator==(const admin_configuration&, const admin_configuration&) = default;
};

struct message_limits {
    static constexpr std::uint64_t unlimited = ~std::uint64_t{0};
    std::uint64_t uri = 8 * std::uint64_t{1024};              // 414 beyond
    std::uint64_t head = 32 * std::uint64_t{1024};            // 431 beyond
    std::uint32_t fields = 100;                               // of a request, 1 to 256; 431 beyond
    std::uint64_t response_head = 32 * std::uint64_t{1024};   // 502 beyond
    std::uint32_t response_fields = 100;                      // 1 to 256; 502 beyond
    std::uint64_t body = unlimited;                           // 413 beyond
    std::uint64_t answers = 64 * std::uint64_t{1024} * 1024;  // that a route keeps

    friend bool operator==(const message_limits&, const message_limits&) = default;
};

// How paths are read before a route is chosen. What is forwarded stays as it came.
struct path_rules {
    bool merge_slashes = false;      // //admin is /admin to a route
    bool refuse_encoded = false;     // 400 for %2F, %5C and %2E, which servers read differently
    bool refuse_parameters = false;  // 400 for a ;

    friend bool operator==(const path_rules&, const path_rules&) = default;
};

enum class log_level : unsigned char { debug, info, warning, error };

struct configuration {
    std::vector<socket_address> listen;
    admin_configuration admin{};
    std::vector<upstream_configuration> upstreams;
    std::vector<route_configuration> routes;  // router.hpp says which one a request takes
    message_limits limits{};
    path_rules paths{};
    std::vector<address_range> trusted_proxies{};  // whose X-Forwarded-* are believed
    bool keep_underscores = true;                  // strangers' fields with _ in their names that are not the proxy's
    std::string pseudonym = "fusebox";             // of this gateway in Via, Forwarded, Proxy-Status and Cache-Status
    std::string access_log = "stdout";             // stdout, stderr, a file, or empty for none
    gateway::log_level log_level = gateway::log_level::info;
    duration shutdown_delay{0};                         // readiness fails for so long before listening ends
    duration drain_timeout = std::chrono::seconds{30};  // then requests in flight have so long to finish
};

}  // namespace fusebox::gateway
