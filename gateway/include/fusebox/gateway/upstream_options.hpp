// How an upstream chooses among its endpoints, and what it takes for their health. Plain data; what cannot be
// meant is refused by validate(), never clamped.
#pragma once

#include <fusebox/gateway/check_counter.hpp>
#include <fusebox/gateway/ejection.hpp>
#include <fusebox/gateway/endpoint_verdict.hpp>
#include <fusebox/gateway/maglev.hpp>

#include <cstdint>
#include <vector>

namespace fusebox::gateway {

enum class balancing : unsigned char { round_robin, least_request, peak_ewma, ring_hash, maglev, random };

// "round_robin", and so on, as in configuration.
const char* to_string(balancing) noexcept;

struct balancing_options {
    balancing algorithm = balancing::least_request;
    std::uint32_t maglev_size = maglev::default_size;  // a prime, up to maglev::greatest_size
    duration ewma_decay = std::chrono::seconds{10};    // peak EWMA: after so long an old latency counts 1/e; > 0

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const balancing_options&, const balancing_options&) = default;
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
