#include "option_checker.hpp"

#include <fusebox/retry_budget.hpp>

#include <cmath>
#include <mutex>

namespace fusebox {

namespace {

constexpr std::uint32_t bucket_count = 10;
constexpr std::uint64_t million = 1'000'000;

retry_budget_options checked(const retry_budget_options& o) {
    if (auto errors = o.validate(); !errors.empty()) throw configuration_error("retry budget", std::move(errors));
    return o;
}

}  // namespace

std::vector<config_error> retry_budget_options::validate() const {
    detail::option_checker c;
    c.require(ratio >= 0.0 && ratio <= 1.0, "ratio", ratio, "a share between 0 and 1 (0.2 is 20 %)");
    c.require(min_per_second <= million, "min_per_second", min_per_second, "at most 1000000");
    c.require(window >= std::chrono::seconds{1} && window <= std::chrono::seconds{60}, "window", window,
              "between 1s and 60s");
    return c.take();
}

retry_budget::retry_budget(const retry_budget_options& options)
    : options_(checked(options)),
      ratio_millionths_(static_cast<std::uint64_t>(std::llround(options.ratio * double(million)))),
      floor_millionths_(options.min_per_second * (static_cast<std::uint64_t>(options.window.count()) / 1000)),
      bucket_end_(0),  // the first call turns to the present
      ring_(bucket_count, options.window / bucket_count, time_point{}) {}

// What the cells hold beyond what was collected happened in the ring's newest bucket: the first call
// of the next one collects before it counts. So this may be done at any time, and shows nowhere.
void retry_budget::collect() const noexcept {
    const auto counted = calls_.sum<std::uint64_t>(
        [](std::uint64_t& total, const auto& cell) { total += cell.successes_in(only_generation); });
    const std::uint64_t sum = counted + homeless_calls_.load(std::memory_order_relaxed);
    ring_.add({.successes = static_cast<std::uint32_t>(sum - collected_calls_)});
    collected_calls_ = sum;
}

void retry_budget::turn_locked(time_point now) noexcept {
    collect();
    ring_.advance(now);
    bucket_end_.store(ring_.bucket_end().time_since_epoch().count(), std::memory_order_relaxed);
}

void retry_budget::turn_to(time_point now) noexcept {
    const std::scoped_lock lock(lock_);
    turn_locked(now);
}

// The number of n >= 0 for which  spent + held + n < ratio * calls + floor  holds.
std::uint64_t retry_budget::available(const window_snapshot& w) const noexcept {
    const std::uint64_t calls = w.successes(), used = w.failures + held_;
    const std::uint64_t allowed = (ratio_millionths_ * calls + floor_millionths_ + million - 1) / million;
    return allowed > used ? allowed - used : 0;
}

std::optional<retry_budget::reservation> retry_budget::try_reserve(time_point now) noexcept {
    const std::scoped_lock lock(lock_);
    turn_locked(now);
    if (available(ring_.snapshot()) == 0) {
        ++total_refused_;
        return {};
    }
    ++held_;
    return reservation{this};
}

void retry_budget::spend(time_point now) noexcept {
    const std::scoped_lock lock(lock_);
    turn_locked(now);
    ring_.add({.failures = 1});
    --held_;
    ++total_spent_;
}

void retry_budget::give_back() noexcept {
    const std::scoped_lock lock(lock_);
    --held_;
}

retry_budget_snapshot retry_budget::snapshot(time_point now) const noexcept {
    const std::scoped_lock lock(lock_);
    collect();
    const window_snapshot w = ring_.snapshot(now);
    return {w.successes(), w.failures, held_, available(w), total_spent_, total_refused_};
}

}  // namespace fusebox
