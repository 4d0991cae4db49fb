#include "option_checker.hpp"

#include <fusebox/chaos.hpp>

#include <mutex>

namespace fusebox {

static_assert(delaying_guard<chaos>);

std::vector<config_error> chaos_options::validate() const {
    detail::option_checker c;
    const auto rate = [&](const char* option, double value) {
        c.require(value >= 0 && value <= 1, option, value, "a share between 0 and 1 (0.3 is 30 %)");
    };
    rate("fault_rate", fault_rate);
    rate("result_rate", result_rate);
    rate("latency_rate", latency_rate);
    if (fault_rate + result_rate > 1)
        c.refuse("result_rate", detail::option_text(result_rate),
                 "must leave room for fault_rate, " + detail::option_text(fault_rate) +
                     ": together at most 1, since a call gets one of the two");
    c.require(latency_rate > 0 ? latency > duration{0} : latency >= duration{0}, "latency", latency,
              latency_rate > 0 ? "above 0: latency_rate is set" : "at least 0");
    c.require(expires_after > duration{0}, "expires_after", expires_after, "above 0");
    return c.take();
}

chaos::chaos(const chaos_options& options, time_point now) {
    if (auto applied = apply(options, now); !applied) throw configuration_error("chaos", std::move(applied.error()));
}

std::expected<void, std::vector<config_error>> chaos::apply(const chaos_options& options, time_point now) {
    if (auto errors = options.validate(); !errors.empty()) return std::unexpected(std::move(errors));
    const std::uint64_t seed = options.seed ? *options.seed : fresh_seed();
    const std::lock_guard hold{lock_};
    options_ = options;
    random_ = splitmix64{seed};
    expires_at_ = saturating_add(now, options.expires_after);
    active_.store(options.enabled, std::memory_order_relaxed);
    return {};
}

void chaos::stop() noexcept {
    const std::lock_guard hold{lock_};
    active_.store(false, std::memory_order_relaxed);
}

std::expected<delayed<chaos::permit>, rejection> chaos::enter(time_point now) noexcept {
    delayed<permit> untouched{permit{injection::nothing}, now};
    if (!active_.load(std::memory_order_relaxed)) return untouched;
    const std::lock_guard hold{lock_};
    if (!active_.load(std::memory_order_relaxed)) return untouched;
    if (now >= expires_at_) {
        active_.store(false, std::memory_order_relaxed);
        return untouched;
    }
    // Two draws for each call, whatever the rates, so that changing one rate does not move the other's hits.
    const double outcome = random_.unit();
    const bool late = random_.unit() < options_.latency_rate;
    const auto what = outcome < options_.fault_rate                          ? injection::fault
                      : outcome < options_.fault_rate + options_.result_rate ? injection::result
                                                                             : injection::nothing;
    faults_ += what == injection::fault;
    results_ += what == injection::result;
    delayed_ += late;
    return delayed<permit>{permit{what}, late ? saturating_add(now, options_.latency) : now};
}

chaos_snapshot chaos::snapshot(time_point now) const noexcept {
    const std::lock_guard hold{lock_};
    chaos_snapshot s{.active = active_.load(std::memory_order_relaxed) && now < expires_at_,
                     .faults = faults_,
                     .results = results_,
                     .delayed = delayed_};
    if (s.active) s.remaining = expires_at_ == time_point::max() ? duration::max() : expires_at_ - now;
    return s;
}

chaos_options chaos::options() const noexcept {
    const std::lock_guard hold{lock_};
    return options_;
}

}  // namespace fusebox
