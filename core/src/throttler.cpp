#include "option_checker.hpp"

#include <fusebox/throttler.hpp>

#include <mutex>

namespace fusebox {

static_assert(immediate_guard<throttler>);

namespace {

throttler_options checked(throttler_options o) {
    if (auto errors = o.validate(); !errors.empty()) throw configuration_error("throttler", std::move(errors));
    return o;
}

}  // namespace

std::vector<config_error> throttler_options::validate() const {
    detail::option_checker c;
    c.require(minimum_requests <= 1'000'000, "minimum_requests", minimum_requests, "at most 1000000");
    c.require(multiplier >= 1 && multiplier <= 100, "multiplier", multiplier, "between 1 and 100");
    c.count("window.buckets", window.buckets, 3600);
    c.require(window.width >= std::chrono::milliseconds{10} && window.width <= std::chrono::hours{24}, "window.width",
              window.width, "between 10ms and 24h");
    return c.take();
}

throttler::throttler(throttler_options options)
    : options_(checked(options)),
      window_(options_.window.buckets, options_.window.width, time_point{}),
      random_(options_.seed ? *options_.seed : fresh_seed()) {}

std::expected<throttler::permit, rejection> throttler::enter(time_point now) noexcept {
    const std::lock_guard hold{lock_};
    window_.advance(now);
    const double p = probability(window_.snapshot());
    if (p > 0 && random_.unit() < p) {
        window_.add({.failures = 1});
        ++rejected_;
        return std::unexpected(rejection{errc::rate_limited});
    }
    ++admitted_;
    return permit{*this};
}

void throttler::settle(const report& how, time_point now) noexcept {
    if (how.outcome == verdict::ignored) return;
    const bool accepted = how.outcome == verdict::success;
    const std::lock_guard hold{lock_};
    window_.advance(now);
    window_.add({.successes = accepted, .failures = !accepted});
}

double throttler::probability(const window_snapshot& w) const noexcept {
    if (w.calls < options_.minimum_requests) return 0;
    return throttling_probability(w.calls, w.successes(), options_.multiplier);
}

throttler_snapshot throttler::snapshot(time_point now) const noexcept {
    const std::lock_guard hold{lock_};
    const window_snapshot w = window_.snapshot(now);
    return {.requests = w.calls,
            .accepts = w.successes(),
            .probability = probability(w),
            .admitted = admitted_,
            .rejected = rejected_};
}

}  // namespace fusebox
