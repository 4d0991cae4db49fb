// Thresholds that follow the observed success rate: more patience with a dependency that nearly always
// works, less with one that often fails.
//
//   fusebox::adaptive_thresholds adaptive{breaker, {.most_rate = 0.8}, now};
//   // every second or so, by a timer:
//   adaptive.adjust(now);
//
// Once an interval the verdicts since the last look give a success rate. Above `tolerant_above` the base
// thresholds are multiplied by `tolerant_factor`, below `strict_below` by `strict_factor`, in between they
// are in force as they are; always the base, so that factors never pile up. Counts are rounded down. Without
// verdicts nothing changes. The thresholds moved are those in force of consecutive_failures,
// failure_count_threshold and failure_rate_threshold; the breaker keeps its state and its window.
//
// The base is what the breaker was configured with. Who reconfigures it later sets a new base.
//
// Thread-safety: one thread at a time adjusts and restores; the breaker may be used by any meanwhile.
#pragma once

#include <fusebox/circuit_breaker.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace fusebox {

struct adaptive_thresholds_options {
    duration interval = std::chrono::seconds{10};  // between two looks; > 0

    double tolerant_above = 0.95;  // success rates above this; strict_below to 1
    double tolerant_factor = 1.5;  // 1 to 10
    double strict_below = 0.7;     // success rates below this; 0 to tolerant_above
    double strict_factor = 0.7;    // above 0, to 1

    // No nudge leaves these bounds, which must hold the base.
    std::uint32_t least_count = 1;         // 1 to most_count
    std::uint32_t most_count = 1'000'000;  // up to 1 000 000
    double least_rate = 0.01;              // above 0, to most_rate
    double most_rate = 1.0;                // up to 1

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;

    friend bool operator==(const adaptive_thresholds_options&, const adaptive_thresholds_options&) = default;
};

// The thresholds that are moved; empty where the rule is off.
struct circuit_thresholds {
    std::optional<std::uint32_t> consecutive_failures{};
    std::optional<std::uint32_t> failure_count{};
    std::optional<double> failure_rate{};

    friend bool operator==(const circuit_thresholds&, const circuit_thresholds&) = default;
};

// One nudge. The breaker's event thresholds_adjusted tells of it too, with `observed` and `factor`.
struct threshold_adjustment {
    window_snapshot observed{};  // the verdicts since the look before; none in a restoration
    double factor = 1;           // of the base, from now on
    circuit_thresholds from{};
    circuit_thresholds to{};

    friend bool operator==(const threshold_adjustment&, const threshold_adjustment&) = default;
};

class adaptive_thresholds {
public:
    // Observes from `now` on. `breaker` must outlive it. Throws configuration_error when the options
    // cannot be meant, the base is out of their bounds, or the breaker has no threshold to move.
    adaptive_thresholds(circuit_breaker& breaker, adaptive_thresholds_options options, time_point now);

    // Looks at what happened, if the interval is over, and moves the thresholds if need be. Returns the
    // nudge; nothing when nothing was changed.
    std::optional<threshold_adjustment> adjust(time_point now);

    // Back to the base, until adjust() finds reason again.
    std::optional<threshold_adjustment> restore();

    // What the factors are applied to.
    circuit_thresholds base() const;

private:
    using options_ptr = std::shared_ptr<const circuit_breaker_options>;

    circuit_thresholds scaled(double factor) const;
    std::optional<threshold_adjustment> scale(double factor, const window_snapshot& observed);

    circuit_breaker& breaker_;
    const adaptive_thresholds_options options_;
    options_ptr base_;             // the options that others gave the breaker
    options_ptr given_;            // the options that it was given here, or the base
    std::uint64_t successes_ = 0;  // of the breaker's totals, seen so far
    std::uint64_t failures_ = 0;
    time_point due_;
};

}  // namespace fusebox
