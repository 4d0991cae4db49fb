#include "option_checker.hpp"

#include <fusebox/circuit_breaker_options.hpp>

#include <tuple>

namespace fusebox {

namespace {

using detail::option_checker;
using detail::option_text;

void check_rules(const circuit_breaker_options& o, option_checker& c) {
    if (o.consecutive_failures) c.count("consecutive_failures", *o.consecutive_failures, 1'000'000);
    if (o.failure_count_threshold) c.count("failure_count_threshold", *o.failure_count_threshold, 1'000'000);
    if (o.failure_rate_threshold) c.share("failure_rate_threshold", *o.failure_rate_threshold);
    if (o.count_needs_minimum && !o.failure_count_threshold)
        c.refuse("failure_count_threshold", "unset", "must be set when count_needs_minimum is: it is the count");
    if (o.slow_call_duration)
        c.require(*o.slow_call_duration > duration{0}, "slow_call_duration", *o.slow_call_duration, "above 0");
    if (o.slow_call_rate_threshold) {
        c.share("slow_call_rate_threshold", *o.slow_call_rate_threshold);
        if (!o.slow_call_duration)
            c.refuse("slow_call_duration", "unset",
                     "must be set when slow_call_rate_threshold is: it says which calls are slow");
    }
}

void check_window(const circuit_breaker_options& o, option_checker& c) {
    std::uint32_t most = 1'000'000;
    if (const auto* counted = std::get_if<count_window>(&o.window)) {
        c.count("window.size", counted->size, most);
        if (o.minimum_calls)
            c.require(*o.minimum_calls <= counted->size, "minimum_calls", *o.minimum_calls,
                      "between 1 and the count window's size, " + std::to_string(counted->size) +
                          ": it would never be reached");
        if (o.failure_count_threshold)
            c.require(
                *o.failure_count_threshold <= counted->size, "failure_count_threshold", *o.failure_count_threshold,
                "at most the count window's size, " + std::to_string(counted->size) + ": it would never be reached");
    } else {
        const auto& timed = std::get<time_window>(o.window);
        c.count("window.buckets", timed.buckets, 3600);
        c.require(timed.width >= std::chrono::milliseconds{10} && timed.width <= std::chrono::hours{24}, "window.width",
                  timed.width, "between 10ms and 24h");
    }
    if (o.minimum_calls && *o.minimum_calls == 0) c.count("minimum_calls", 0, most);
}

void check_wait(const circuit_breaker_options& o, option_checker& c) {
    c.require(o.open_for > duration{0}, "open_for", o.open_for, "above 0");
    c.require(o.open_multiplier >= 1.0 && o.open_multiplier <= 100.0, "open_multiplier", o.open_multiplier,
              "between 1 and 100");
    c.require(o.open_cap >= o.open_for, "open_cap", o.open_cap, "at least open_for, " + option_text(o.open_for));
    c.require(o.open_jitter >= 0.0 && o.open_jitter <= 0.99, "open_jitter", o.open_jitter, "between 0 and 0.99");
    c.require(o.open_min >= duration{0}, "open_min", o.open_min, "at least 0");
    c.require(o.open_max >= o.open_min && o.open_max > duration{0}, "open_max", o.open_max,
              "above 0 and at least open_min, " + option_text(o.open_min));
    if (o.open_max >= o.open_min && o.open_max > duration{0})
        c.require(o.open_for <= o.open_max, "open_for", o.open_for,
                  "at most open_max, " + option_text(o.open_max) + ", which bounds every wait; raise that too");
}

void check_healing(const circuit_breaker_options& o, option_checker& c) {
    c.count("half_open_calls", o.half_open_calls, 10'000);
    c.require(o.half_open_concurrency >= 1 && o.half_open_concurrency <= o.half_open_calls, "half_open_concurrency",
              o.half_open_concurrency, "between 1 and half_open_calls, " + std::to_string(o.half_open_calls));
    if (o.half_open_successes)
        c.require(*o.half_open_successes >= 1 && *o.half_open_successes <= o.half_open_calls, "half_open_successes",
                  *o.half_open_successes, "between 1 and half_open_calls, " + std::to_string(o.half_open_calls));
    c.require(o.trial_lease >= duration{0}, "trial_lease", o.trial_lease, "at least 0 (0 means: never reclaimed)");
    c.count("ramp.calls_per_step", o.ramp.calls_per_step, 10'000);
    for (std::size_t i = 0; i < o.ramp.shares.size(); ++i) {
        c.share("ramp.shares", o.ramp.shares[i]);
        if (i > 0)
            c.require(o.ramp.shares[i] > o.ramp.shares[i - 1], "ramp.shares", o.ramp.shares[i],
                      "above the share before it, " + option_text(o.ramp.shares[i - 1]));
    }
    const auto s = static_cast<unsigned>(o.initial_state);
    if (s > 5) c.refuse("initial_state", std::to_string(s), "must be one of the six states of circuit_state");
}

}  // namespace

std::vector<config_error> circuit_breaker_options::validate() const {
    option_checker c;
    check_rules(*this, c);
    check_window(*this, c);
    check_wait(*this, c);
    check_healing(*this, c);
    return c.take();
}

std::optional<double> circuit_breaker_options::effective_failure_rate() const noexcept {
    if (failure_rate_threshold) return failure_rate_threshold;
    const bool other_rule = consecutive_failures || failure_count_threshold || slow_call_duration || trip_when;
    return other_rule ? std::nullopt : std::optional<double>{0.5};
}

std::optional<double> circuit_breaker_options::effective_slow_call_rate() const noexcept {
    if (!slow_call_duration) return {};
    return slow_call_rate_threshold.value_or(0.8);
}

bool operator==(const circuit_breaker_options& a, const circuit_breaker_options& b) {
    if (a.trip_when || b.trip_when) return false;
    const auto rules = [](const circuit_breaker_options& o) {
        return std::tie(o.consecutive_failures, o.failure_count_threshold, o.failure_rate_threshold,
                        o.count_needs_minimum, o.slow_call_duration, o.slow_call_rate_threshold, o.window,
                        o.minimum_calls);
    };
    const auto wait = [](const circuit_breaker_options& o) {
        return std::tie(o.open_for, o.open_multiplier, o.open_cap, o.open_jitter, o.open_min, o.open_max);
    };
    const auto healing = [](const circuit_breaker_options& o) {
        return std::tie(o.half_open_calls, o.half_open_concurrency, o.half_open_successes, o.trial_lease, o.ramp,
                        o.automatic_half_open, o.initial_state, o.seed);
    };
    return rules(a) == rules(b) && wait(a) == wait(b) && healing(a) == healing(b);
}

}  // namespace fusebox
