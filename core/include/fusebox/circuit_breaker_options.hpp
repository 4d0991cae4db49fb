// How a circuit breaker behaves: when it trips, over which window, how long it waits, how it heals.
//
// Plain data. Nothing here is clamped: what cannot be meant is refused by validate(), with the
// option, its value, and the range that it must have.
#pragma once

#include <fusebox/config_error.hpp>
#include <fusebox/window.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace fusebox {

// The state of a breaker. The numbers are those of the metric `circuit_breaker_state`.
enum class circuit_state : unsigned char {
    closed = 0,
    open = 1,
    half_open = 2,
    disabled = 3,      // by an operator: every call passes, nothing is recorded
    forced_open = 4,   // by an operator: every call is rejected
    metrics_only = 5,  // by an operator: every call passes; the virtual breaker behind it records and judges
};

// "closed", "open", "half_open", "disabled", "forced_open", "metrics_only".
const char* to_string(circuit_state) noexcept;

// After a recovery, traffic can be let back by shares instead of at once. Off while `shares` is empty.
struct ramp_options {
    std::vector<double> shares{};       // each in (0, 1], increasing; {0.1, 0.25, 0.5, 1.0} is usual
    std::uint32_t calls_per_step = 10;  // verdicts that decide each step, 1 to 10 000

    friend bool operator==(const ramp_options&, const ramp_options&) = default;
};

struct circuit_breaker_options {
    // -- When it trips: any of these; each is off until set. When none is set, failure_rate_threshold is 0.5.
    std::optional<std::uint32_t> consecutive_failures{};     // failures in a row, 1 to 1 000 000
    std::optional<std::uint32_t> failure_count_threshold{};  // failures in the window, 1 to its size, or 1 000 000
    bool count_needs_minimum = false;                        // … and then only from minimum_calls on, like a rate
    std::optional<double> failure_rate_threshold{};          // failures / calls in the window, in (0, 1]
    std::optional<duration> slow_call_duration{};      // a call is slow from here on; > 0. Turns the slow rule on.
    std::optional<double> slow_call_rate_threshold{};  // slow calls / calls, in (0, 1]; 0.8 once a duration is set
    std::function<bool(const window_snapshot&)> trip_when{};  // asked after each verdict, outside any lock

    // -- The window. Rates count only from minimum_calls, and failure_count_threshold where it is told to.
    window_options window = time_window{};
    std::optional<std::uint32_t> minimum_calls{};  // 1 to the count window's size; 20 (or that size, if smaller)

    // -- How long it stays open: open_for * open_multiplier^n, n re-openings in a row; capped; jittered.
    duration open_for = std::chrono::seconds{5};   // > 0, at most open_cap and open_max
    double open_multiplier = 2.0;                  // 1 to 100
    duration open_cap = std::chrono::seconds{60};  // >= open_for; duration::max() for none
    double open_jitter = 0.2;                      // +- this share of the wait, 0 to 0.99
    // Bounds of every wait, a failure's Retry-After included. That only lengthens the wait, unless open_min is
    // set: then it may shorten it as far as that.
    duration open_min{0};
    duration open_max = std::chrono::minutes{5};

    // -- How it heals.
    std::uint32_t half_open_calls = 3;                   // trial calls that decide, 1 to 10 000
    std::uint32_t half_open_concurrency = 1;             // of them, at the same time; 1 to half_open_calls
    std::optional<std::uint32_t> half_open_successes{};  // closes at so many successes; 1 to half_open_calls
    duration trial_lease =
        std::chrono::seconds{10};  // a trial call that is not settled by then counts as failed; 0: never
    ramp_options ramp{};
    bool automatic_half_open = false;  // poll() moves open to half_open without traffic

    circuit_state initial_state = circuit_state::closed;

    // Fixes the jitter, for tests; otherwise each breaker draws its own seed.
    std::optional<std::uint64_t> seed{};

    // The rates in force: as set, or by the defaults above; empty when the rule is off.
    std::optional<double> effective_failure_rate() const noexcept;
    std::optional<double> effective_slow_call_rate() const noexcept;

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;

    // True when a breaker would behave the same with either. Functions are never equal unless both are empty.
    friend bool operator==(const circuit_breaker_options&, const circuit_breaker_options&);
};

}  // namespace fusebox
