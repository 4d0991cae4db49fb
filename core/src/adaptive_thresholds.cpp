#include <fusebox/adaptive_thresholds.hpp>

#include "option_checker.hpp"

#include <algorithm>
#include <cmath>

namespace fusebox {

namespace {

constexpr std::uint32_t most_counted = 1'000'000;

circuit_thresholds thresholds_of(const circuit_breaker_options& o) {
    return {o.consecutive_failures, o.failure_count_threshold, o.effective_failure_rate()};
}

// A base that somebody set beyond the bounds stays where it is, and is not moved further out.
template <class T>
T within(T value, T base, T least, T greatest) {
    return std::clamp(value, std::min(base, least), std::max(base, greatest));
}

// Rounded down; a product that a double leaves a billionth short of a whole number is that number.
double whole(double product) {
    return std::floor(product + 1e-9);
}

void check_base(const circuit_thresholds& base, const adaptive_thresholds_options& o, detail::option_checker& c) {
    const auto count = [&](const char* option, const std::optional<std::uint32_t>& v) {
        if (v)
            c.require(*v >= o.least_count && *v <= o.most_count, option, *v,
                      "within least_count and most_count, " + detail::option_text(o.least_count) + " to " +
                          detail::option_text(o.most_count));
    };
    count("consecutive_failures", base.consecutive_failures);
    count("failure_count_threshold", base.failure_count);
    if (base.failure_rate)
        c.require(*base.failure_rate >= o.least_rate && *base.failure_rate <= o.most_rate, "failure_rate_threshold",
                  *base.failure_rate,
                  "within least_rate and most_rate, " + detail::option_text(o.least_rate) + " to " +
                      detail::option_text(o.most_rate));
    if (base == circuit_thresholds{})
        c.refuse("failure_rate_threshold", "unset",
                 "must be set, or consecutive_failures or failure_count_threshold: there is nothing to adapt");
}

}  // namespace

std::vector<config_error> adaptive_thresholds_options::validate() const {
    detail::option_checker c;
    c.require(interval > duration{0}, "interval", interval, "above 0");
    c.require(tolerant_above >= strict_below && tolerant_above <= 1.0, "tolerant_above", tolerant_above,
              "between strict_below, " + detail::option_text(strict_below) + ", and 1");
    c.require(tolerant_factor >= 1.0 && tolerant_factor <= 10.0, "tolerant_factor", tolerant_factor,
              "between 1 and 10");
    c.require(strict_below >= 0.0 && strict_below <= 1.0, "strict_below", strict_below, "between 0 and 1");
    c.require(strict_factor > 0.0 && strict_factor <= 1.0, "strict_factor", strict_factor, "above 0 and at most 1");
    c.count("most_count", most_count, most_counted);
    c.require(least_count >= 1 && least_count <= most_count, "least_count", least_count,
              "between 1 and most_count, " + detail::option_text(most_count));
    c.share("most_rate", most_rate);
    c.require(least_rate > 0.0 && least_rate <= most_rate, "least_rate", least_rate,
              "above 0 and at most most_rate, " + detail::option_text(most_rate));
    return c.take();
}

adaptive_thresholds::adaptive_thresholds(circuit_breaker& breaker, adaptive_thresholds_options options, time_point now)
    : breaker_(breaker),
      options_(options),
      base_(breaker.options()),
      given_(base_),
      due_(saturating_add(now, std::max(duration{0}, options.interval))) {
    const std::string subject = "adaptive thresholds of '" + breaker.name() + "'";
    if (auto errors = options_.validate(); !errors.empty()) throw configuration_error(subject, std::move(errors));
    detail::option_checker c;
    check_base(base(), options_, c);
    if (auto errors = c.take(); !errors.empty()) throw configuration_error(subject, std::move(errors));
    const circuit_totals totals = breaker.snapshot().totals;
    successes_ = totals.successes;
    failures_ = totals.failures;
}

circuit_thresholds adaptive_thresholds::base() const {
    return thresholds_of(*base_);
}

std::optional<threshold_adjustment> adaptive_thresholds::adjust(time_point now) {
    if (now < due_) return {};
    due_ = saturating_add(now, options_.interval);
    const circuit_totals totals = breaker_.snapshot().totals;
    const std::uint64_t seen = std::exchange(successes_, totals.successes);
    const std::uint64_t seen_failures = std::exchange(failures_, totals.failures);
    if (successes_ < seen || failures_ < seen_failures) return {};  // another history was imported
    const window_snapshot observed{successes_ - seen + failures_ - seen_failures, failures_ - seen_failures};
    if (observed.calls == 0) return {};
    const double rate = double(observed.successes()) / double(observed.calls);
    return scale(rate > options_.tolerant_above ? options_.tolerant_factor
                 : rate < options_.strict_below ? options_.strict_factor
                                                : 1.0,
                 observed);
}

std::optional<threshold_adjustment> adaptive_thresholds::restore() {
    return scale(1.0, {});
}

circuit_thresholds adaptive_thresholds::scaled(double factor) const {
    circuit_thresholds t = base();
    const auto* counted = std::get_if<count_window>(&base_->window);
    for (auto* count : {&t.consecutive_failures, &t.failure_count})
        if (*count)
            *count = within(static_cast<std::uint32_t>(std::min(whole(**count * factor), double(most_counted))),
                            **count, options_.least_count, options_.most_count);
    // More failures than a count window holds would never be reached.
    if (t.failure_count && counted) t.failure_count = std::min(*t.failure_count, counted->size);
    if (t.failure_rate)
        t.failure_rate = within(*t.failure_rate * factor, *t.failure_rate, options_.least_rate, options_.most_rate);
    return t;
}

std::optional<threshold_adjustment> adaptive_thresholds::scale(double factor, const window_snapshot& observed) {
    const options_ptr current = breaker_.options();
    if (current != given_) base_ = given_ = current;  // somebody has reconfigured the breaker
    const threshold_adjustment nudge{observed, factor, thresholds_of(*current), scaled(factor)};
    if (nudge.to == nudge.from) return {};

    auto next = std::make_shared<circuit_breaker_options>(*current);
    next->consecutive_failures = nudge.to.consecutive_failures;
    next->failure_count_threshold = nudge.to.failure_count;
    next->failure_rate_threshold = nudge.to == base() ? base_->failure_rate_threshold : nudge.to.failure_rate;
    given_ = next;  // before a listener can ask
    if (breaker_.engine_.adjust(current, std::move(next), {observed, static_cast<float>(factor)})) return nudge;
    given_ = current;  // reconfigured at this very moment: the next look finds the new base
    return {};
}

}  // namespace fusebox
