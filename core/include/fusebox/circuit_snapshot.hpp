// What a breaker shows of itself, and what it hands to its successor. Plain values.
#pragma once

#include <fusebox/circuit_event.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace fusebox {

// Counted since the breaker was made (or since what it imported was); no transition clears these. Each call that
// was admitted and has ended is one of successes, failures, ignored, abandoned, and late_results.
struct circuit_totals {
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;  // a reclaimed trial until it comes back, if ever: then it is late instead
    std::uint64_t ignored = 0;
    std::uint64_t abandoned = 0;   // permits destroyed without a verdict, in time
    std::uint64_t slow_calls = 0;  // of the successes and failures
    std::uint64_t rejected = 0;
    std::uint64_t late_results = 0;  // settled or abandoned in a later generation, or after the lease: did nothing else
    std::uint64_t trials_reclaimed = 0;  // trial calls that outlived their lease
    std::uint64_t openings = 0;          // closed or half-open to open
    std::uint64_t would_reject = 0;      // metrics_only: calls that would have been rejected
    std::uint64_t virtual_openings = 0;  // metrics_only: times it would have opened
    std::uint64_t listener_errors = 0;   // listeners and trip_when functions that threw
    std::uint64_t dropped_events = 0;    // call events that found the queue full

    // Calls that ended, and calls that were refused.
    std::uint64_t calls() const noexcept {
        return successes + failures + ignored + abandoned + late_results + rejected;
    }
    friend bool operator==(const circuit_totals&, const circuit_totals&) = default;
};

// How far a recovery has come; all zero unless half-open.
struct half_open_progress {
    std::uint32_t calls = 0;  // verdicts that decide this round
    std::uint32_t in_flight = 0;
    std::uint32_t successes = 0;
    std::uint32_t failures = 0;
    std::uint32_t slow_calls = 0;
    double share = 0.0;  // of the traffic that may try, in a ramp; 1 in the trial round

    friend bool operator==(const half_open_progress&, const half_open_progress&) = default;
};

// A breaker at one moment, consistent in itself.
struct circuit_snapshot {
    std::string name{};
    circuit_state state{};
    circuit_state virtual_state{};  // of the breaker behind metrics_only; otherwise equal to `state`
    std::uint64_t generation = 0;   // advanced by each transition
    window_snapshot window{};
    std::uint32_t consecutive_failures = 0;
    std::uint32_t reopenings = 0;           // in a row: the n in open_multiplier^n
    duration retry_after{0};                // how long until the next call may be admitted; 0: now, or unknown
    duration in_state{0};                   // since the last transition
    trip_rule last_rule = trip_rule::none;  // what caused the last transition
    half_open_progress half_open{};
    std::uint32_t lost_trials = 0;  // reclaimed, and still under way: of totals.failures
    circuit_totals totals{};
};

// A breaker's state without its options: what a reload or a new binary needs to go on. Times are ages
// and remainders, so that it can be carried to a process whose clock has another epoch. Taken from
// export_state(), or from text; what no breaker can have shown is refused, by from_text() and by import_state().
struct circuit_image {
    struct verdicts {
        duration age{0};  // of the bucket's start; zero in a count window
        std::uint32_t successes = 0;
        std::uint32_t failures = 0;
        std::uint32_t slow_calls = 0;

        friend bool operator==(const verdicts&, const verdicts&) = default;
    };

    circuit_state state{};
    circuit_state virtual_state{};
    std::uint64_t generation = 0;
    std::uint32_t consecutive_failures = 0;
    std::uint32_t reopenings = 0;
    std::uint32_t lease_doublings = 0;
    duration open_remaining{0};
    std::vector<verdicts> window{};  // oldest first
    circuit_totals totals{};

    friend bool operator==(const circuit_image&, const circuit_image&) = default;

    // Bounds of what a breaker can show. Numbers that grow stop there; generations begin again at 1.
    static constexpr std::uint64_t last_generation = (std::uint64_t{1} << 56) - 1;
    static constexpr std::uint32_t most_in_a_row = UINT32_MAX - 1;
    static constexpr std::uint64_t most_calls = std::uint64_t{1} << 62;  // of each total
    static constexpr std::size_t most_buckets = 1'000'000;               // of the window: a count window's size
    static constexpr duration greatest_age = 3600 * std::chrono::hours{24};
    static constexpr std::uint32_t advanced(std::uint32_t in_a_row) noexcept {
        return in_a_row < most_in_a_row ? in_a_row + 1 : most_in_a_row;
    }

    // What is impossible about this image, in a sentence; empty when a breaker can go on from it.
    std::string fault() const;

    // One line of text, versioned: "fusebox-circuit/1 state=open …".
    std::string to_text() const;

    // The inverse. Unknown versions, missing, doubled or impossible values are refused with a sentence.
    static std::expected<circuit_image, std::string> from_text(std::string_view text);
};

}  // namespace fusebox
