// When the circuits of the six services open, and for how long: for all of them, or for each.
//
//   CB_THRESHOLD 3, CB_COOLDOWN_SECONDS 30      failures in a row that open a circuit, and how long it stays open
//   CB_PRESET                                   both at once: high-traffic 5/60 s, low-latency 2/10 s, critical 1/120
//   s;
//                                               what is set by itself goes before
//   COUNT_HTTP_5XX 0                            1: an answer from 500 on is a failure, too
//   CB_CONFIG                                   a file in YAML with what differs for a service (breakers.yaml here)
#pragma once

#include <stage/environment.hpp>

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace orders {

inline constexpr std::array<const char*, 6> all_services{"auth",  "customer", "product",
                                                         "order", "cart",     "notification"};

struct circuit_setting {
    std::uint32_t threshold = 3;
    fusebox::duration cooldown = std::chrono::seconds{30};
    bool count_http_5xx = false;  // only calls without an answer count, unless this is set
};

struct breaker_settings {
    circuit_setting usual{};
    std::map<std::string, circuit_setting, std::less<>> of_service{};  // in place of the usual ones

    const circuit_setting& of(std::string_view service) const;

    static breaker_settings from(stage::environment& env);
};

inline constexpr std::uint64_t highest_threshold = 1'000'000;
inline constexpr double shortest_cooldown = 0.001, longest_cooldown = 24 * 3600;  // seconds

// The text of such a file; what it leaves out is as `usual`. Otherwise a sentence with the line: "breakers.yaml:2:
// there is no service 'prodct'; there are auth, …".
std::expected<std::map<std::string, circuit_setting, std::less<>>, std::string> read_breaker_file(
    const std::string& text, const std::string& name, const circuit_setting& usual);

}  // namespace orders
