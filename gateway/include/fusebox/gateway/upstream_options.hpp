// How an upstream chooses among its endpoints, and what it takes for their health. Plain data; what cannot be
// meant is refused by validate(), never clamped.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace fusebox::gateway {

enum class balancing : unsigned char { round_robin, least_request, peak_ewma, ring_hash, maglev, random };

// "round_robin", and so on, as in configuration.
const char* to_string(balancing) noexcept;

struct balancing_options {
    balancing algorithm = balancing::least_request;
    std::uint32_t maglev_size = 65'537;              // a prime, up to 5 000 011
    duration ewma_decay = std::chrono::seconds{10};  // peak EWMA: after so long an old latency counts 1/e; > 0

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const balancing_options&, const balancing_options&) = default;
};

// Active health checks.
struct check_options {
    bool enabled = false;
    std::uint32_t unhealthy_threshold = 3;  // failures in a row that take it down, 1 to 1000
    std::uint32_t healthy_threshold = 2;    // passes in a row that bring it back, 1 to 1000

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const check_options&, const check_options&) = default;
};

// Passive ejection: what the traffic itself says of an endpoint. The rule is in endpoints/ejection.hpp.
struct ejection_options {
    std::optional<std::uint32_t> consecutive_failures = 5;  // failures in a row that eject, 1 to 1 000 000; or off
    std::optional<double> failure_rate{};                   // failures / calls of an interval, in (0, 1]; or off
    std::uint32_t minimum_calls = 20;                       // of an endpoint in an interval, for a rate to count; >= 1
    duration interval = std::chrono::seconds{10};           // > 0
    duration base = std::chrono::seconds{30};               // > 0
    double multiplier = 2;                                  // 1 to 100
    duration cap = std::chrono::minutes{5};                 // >= base
    duration trial_lease = std::chrono::seconds{10};        // a trial call that takes longer counts as failed; > 0

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const ejection_options&, const ejection_options&) = default;
};

// What the verdicts of a whole pool are held to.
enum class initial_state : unsigned char { warming, up };
enum class panic_mode : unsigned char { refuse, route_all };

struct verdict_options {
    std::uint32_t min_available = 1;                 // endpoints that keep full traffic, or ...
    double min_available_share = 0.5;                // ... this share of those in service, whichever is more; 0 to 1
    panic_mode panic = panic_mode::refuse;           // when even so too few are available
    initial_state initial = initial_state::warming;  // before the first active check
    duration slow_start{0};                          // how long a returning endpoint's share grows; 0: off
    double slow_start_floor = 0.1;                   // the share it begins with, in (0, 1]

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const verdict_options&, const verdict_options&) = default;
};

struct upstream_options {
    balancing_options balance{};
    verdict_options verdict{};
    ejection_options ejection{};
    check_options check{};
    std::uint32_t remembered = 1024;  // endpoints that left, the latest ones

    // Everything wrong with these options; empty when they can be used. Options of parts as "ejection.base".
    std::vector<config_error> validate() const;
    friend bool operator==(const upstream_options&, const upstream_options&) = default;
};

}  // namespace fusebox::gateway
