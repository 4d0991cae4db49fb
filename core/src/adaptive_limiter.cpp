#include "option_checker.hpp"

#include <fusebox/adaptive_limiter.hpp>

#include <algorithm>
#include <cmath>
#include <mutex>

namespace fusebox {

static_assert(immediate_guard<adaptive_limiter>);

namespace {

template <class Algorithm>
void check_limits(const Algorithm& a, detail::option_checker& c) {
    c.count("maximum_limit", a.maximum_limit, 1'000'000);
    c.require(a.minimum_limit >= 1 && a.minimum_limit <= a.maximum_limit, "minimum_limit", a.minimum_limit,
              "between 1 and maximum_limit, " + std::to_string(a.maximum_limit));
    c.require(a.initial_limit >= a.minimum_limit && a.initial_limit <= a.maximum_limit, "initial_limit",
              a.initial_limit,
              "between minimum_limit, " + std::to_string(a.minimum_limit) + ", and maximum_limit, " +
                  std::to_string(a.maximum_limit));
    c.share("smoothing", a.smoothing);
}

void check(const gradient2_options& o, detail::option_checker& c) {
    check_limits(o, c);
    c.count("queue_size", o.queue_size, 10'000);
    c.require(o.long_window >= 10 && o.long_window <= 1'000'000, "long_window", o.long_window,
              "between 10 and 1000000");
}

void check(const vegas_options& o, detail::option_checker& c) {
    check_limits(o, c);
    c.count("probe_multiplier", o.probe_multiplier, 10'000);
}

adaptive_limiter_options checked(adaptive_limiter_options o) {
    if (auto errors = o.validate(); !errors.empty()) throw configuration_error("adaptive limiter", std::move(errors));
    return o;
}

template <class Options>
double within(const Options& o, double limit) noexcept {
    return std::clamp(limit, double(o.minimum_limit), double(o.maximum_limit));
}

std::variant<gradient2_state, vegas_state> first_state(const adaptive_limiter_options& o, splitmix64& random) {
    if (const auto* g = std::get_if<gradient2_options>(&o.algorithm))
        return gradient2_state{.limit = double(g->initial_limit)};
    return vegas_state{.limit = double(std::get<vegas_options>(o.algorithm).initial_limit),
                       .probe_jitter = 0.5 + 0.5 * random.unit()};
}

}  // namespace

std::vector<config_error> adaptive_limiter_options::validate() const {
    detail::option_checker c;
    std::visit([&](const auto& a) { check(a, c); }, algorithm);
    c.require(window >= std::chrono::milliseconds{1} && window <= std::chrono::hours{1}, "window", window,
              "between 1ms and 1h");
    c.count("minimum_calls", minimum_calls, 1'000'000);
    c.share("drop_threshold", drop_threshold);
    return c.take();
}

gradient2_state gradient2_step(const gradient2_options& o, gradient2_state s, const limit_sample& sample) noexcept {
    constexpr std::uint32_t warm_up_samples = 10;
    const auto smoothed = [&](double estimate) {
        return within(o, (1 - o.smoothing) * s.limit + o.smoothing * estimate);
    };
    if (sample.dropped) {
        s.limit = smoothed(0.5 * s.limit);
        return s;
    }
    if (s.warm_up < warm_up_samples) {
        s.warm_up_sum += sample.rtt;
        s.long_rtt = s.warm_up_sum / ++s.warm_up;
    } else {
        s.long_rtt += (sample.rtt - s.long_rtt) * 2.0 / (o.long_window + 1.0);
    }
    const double ratio = s.long_rtt / sample.rtt;
    if (ratio > 2) s.long_rtt *= 0.9;
    if (sample.in_flight >= s.limit / 2) s.limit = smoothed(s.limit * std::clamp(ratio, 0.5, 1.0) + o.queue_size);
    return s;
}

vegas_state vegas_step(const vegas_options& o, vegas_state s, const limit_sample& sample, double unit) noexcept {
    const double lg = std::max(1.0, std::floor(std::log10(std::floor(s.limit))));
    double target = s.limit;
    ++s.since_probe;
    if (sample.dropped) {
        target -= lg;
    } else if (double(s.since_probe) >= s.probe_jitter * o.probe_multiplier * s.limit) {
        s.rtt_noload = sample.rtt;
        s.since_probe = 0;
        s.probe_jitter = 0.5 + 0.5 * unit;
    } else if (s.rtt_noload == 0 || sample.rtt < s.rtt_noload) {
        s.rtt_noload = sample.rtt;
    } else if (2.0 * sample.in_flight >= s.limit) {
        const double queue = std::ceil(s.limit * (1 - s.rtt_noload / sample.rtt));
        if (queue <= lg) target += 6 * lg;
        else if (queue < 3 * lg) target += lg;
        else if (queue > 6 * lg) target -= lg;
    }
    s.limit = (1 - o.smoothing) * s.limit + o.smoothing * within(o, target);
    return s;
}

adaptive_limiter::adaptive_limiter(adaptive_limiter_options options)
    : options_(checked(options)), random_(options_.seed ? *options_.seed : fresh_seed()) {
    state_ = first_state(options_, random_);
    publish();
}

std::expected<adaptive_limiter::permit, rejection> adaptive_limiter::enter(time_point now) noexcept {
    auto n = in_flight_.load(std::memory_order_relaxed);
    do {
        if (n >= limit_.load(std::memory_order_relaxed)) {
            rejected_.fetch_add(1, std::memory_order_relaxed);
            return std::unexpected(rejection{errc::bulkhead_full});
        }
    } while (!in_flight_.compare_exchange_weak(n, n + 1, std::memory_order_relaxed));
    return permit{*this, now, n + 1};
}

void adaptive_limiter::settle(const permit& p, const report& how, time_point now) noexcept {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    const duration rtt = how.elapsed.value_or(now - p.entered_);
    const bool dropped = how.outcome == verdict::failure;
    // Without a success's round trip there is nothing to learn: the clock did not move, or ran in ticks.
    if (how.outcome == verdict::ignored || (!dropped && rtt <= duration{0})) return;

    const std::lock_guard hold{lock_};
    window& w = window_;
    // The window begins with its first call, so that an idle gap is no part of it; a sample that silence left
    // unfinished says nothing of the present, and dies.
    const duration silence = std::max<duration>(10 * options_.window, std::chrono::minutes{1});
    if (w.calls() > 0 && now - w.last_at >= silence) w = {};
    if (w.calls() == 0) w.ends_at = saturating_add(now, options_.window);
    if (dropped) ++w.drops, ++drops_;
    else ++w.successes, w.rtt_sum += double(rtt.count());
    w.in_flight = std::max(w.in_flight, p.in_flight_);
    w.last_at = now;
    if (now < w.ends_at || w.calls() < options_.minimum_calls) return;

    step({.rtt = w.successes ? w.rtt_sum / w.successes : 0,
          .in_flight = w.in_flight,
          .dropped = w.drops >= options_.drop_threshold * w.calls()});
    w = {};
}

void adaptive_limiter::step(const limit_sample& sample) noexcept {
    ++samples_;
    if (auto* g = std::get_if<gradient2_state>(&state_))
        *g = gradient2_step(*std::get_if<gradient2_options>(&options_.algorithm), *g, sample);
    else if (auto* v = std::get_if<vegas_state>(&state_))
        *v = vegas_step(*std::get_if<vegas_options>(&options_.algorithm), *v, sample, random_.unit());
    publish();
}

void adaptive_limiter::publish() noexcept {
    const double limit = std::visit([](const auto& s) { return s.limit; }, state_);
    limit_.store(static_cast<std::uint32_t>(limit), std::memory_order_relaxed);
}

adaptive_limiter_snapshot adaptive_limiter::snapshot() const noexcept {
    const std::lock_guard hold{lock_};
    double rtt = 0;
    if (const auto* g = std::get_if<gradient2_state>(&state_)) rtt = g->long_rtt;
    else if (const auto* v = std::get_if<vegas_state>(&state_)) rtt = v->rtt_noload;
    return {.limit = limit_.load(std::memory_order_relaxed),
            .in_flight = in_flight_.load(std::memory_order_relaxed),
            .rtt_noload = duration{static_cast<std::int64_t>(rtt)},
            .rejected = rejected_.load(std::memory_order_relaxed),
            .drops = drops_,
            .samples = samples_};
}

}  // namespace fusebox
