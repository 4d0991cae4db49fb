// What is thought of an endpoint, and which traffic it therefore gets: one pure function of everything known.
//
//   admin        active check   ejection   breaker          verdict       traffic
//   maintenance  any            any        any              maintenance   none
//   drain        any            any        any              draining      existing
//   force_up     any            any        any              forced_up     full
//   automatic    pending        any        any              warming, up   none while others are up, else full
//   automatic    down           any        any              down          none
//   automatic    up, off        ejected    any              ejected       none until its timer, then trial
//   automatic    up, off        none       open, half-open  open, …       none until due, then trial
//   automatic    up, off        none       closed           slow_start    full, by a growing share
//   automatic    up, off        none       closed           up            full
//
// Over the whole pool (judge_pool) two rules are laid on top. Ejections are cancelled, the mildest first and the
// worst last, while fewer than `min_available` endpoints get full traffic; so a pool of one never loses its
// endpoint to ejection. What active checks say is only overruled by panic::route_all, and what a breaker says,
// by nothing: it would refuse the call anyway.
//
// Thread-safety: functions of their arguments.
#pragma once

#include <fusebox/gateway/upstream_options.hpp>

#include <fusebox/circuit_breaker_options.hpp>
#include <fusebox/clock.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace fusebox::gateway {

enum class admin_state : unsigned char { automatic, drain, maintenance, force_up };
enum class check_state : unsigned char { off, pending, up, down };

enum class endpoint_verdict : unsigned char {
    maintenance,
    draining,
    forced_up,
    warming,
    down,
    ejected,
    open,
    half_open,
    slow_start,
    up,
};

enum class traffic : unsigned char {
    none,
    trial,     // one call at a time, to find out
    existing,  // calls that are bound to this endpoint already
    full,      // as the balancer likes, by weight and share
};

enum class verdict_reason : unsigned char {
    healthy,
    set_by_operator,
    first_check_pending,
    nobody_else_is_up,  // hence an endpoint gets traffic before its first check
    checks_failed,
    outlier,
    circuit_breaker,
    ramping_up,
    kept_by_min_available,  // ejected, but too few others are available
    panic,                  // too few are available whatever is done: all get traffic
};

// "auto", "drain", "maintenance", "force_up", and so on: as in configuration, JSON and metrics.
const char* to_string(admin_state) noexcept;
const char* to_string(check_state) noexcept;
const char* to_string(endpoint_verdict) noexcept;
const char* to_string(traffic) noexcept;
const char* to_string(verdict_reason) noexcept;

// Everything known of an endpoint. `until` is time_point::max() where no end is known.
struct endpoint_condition {
    admin_state admin = admin_state::automatic;
    time_point admin_since{};
    time_point admin_until = time_point::max();

    check_state check = check_state::off;
    time_point check_since{};

    bool ejected = false;
    time_point ejected_since{};
    time_point ejected_until{};
    std::uint32_t ejections = 0;  // in a row
    double failure_rate = 0;      // when it was ejected

    circuit_state breaker = circuit_state::closed;
    time_point breaker_since{};
    time_point breaker_until{};  // of an open one

    time_point serving_since = time_point::min();  // since when it gets full traffic; min(): no slow start
};

// What the rest of the pool has to do with one endpoint's verdict.
struct pool_condition {
    std::uint32_t others_up = 0;  // others with full traffic, those before their first check not counted
    bool ejection_cancelled = false;
    bool panic = false;
};

struct judgement {
    endpoint_verdict verdict = endpoint_verdict::up;
    gateway::traffic traffic = gateway::traffic::full;
    double share = 1;  // of the weight; 0 without full traffic
    verdict_reason reason = verdict_reason::healthy;
    time_point since{};
    time_point until = time_point::max();  // when this verdict ends by itself, at the latest

    friend bool operator==(const judgement&, const judgement&) = default;
};

// The verdict of one endpoint.
judgement judge(const endpoint_condition& endpoint, const pool_condition& pool, const verdict_options& options,
                time_point now) noexcept;

// The verdicts of a whole pool, in its order.
std::vector<judgement> judge_pool(std::span<const endpoint_condition> pool, const verdict_options& options,
                                  time_point now);

// How many endpoints of `in_service` (neither in maintenance nor draining) are to keep full traffic.
std::uint32_t required_available(const verdict_options& options, std::uint32_t in_service) noexcept;

}  // namespace fusebox::gateway
