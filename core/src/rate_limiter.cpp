#include "option_checker.hpp"

#include <fusebox/rate_limiter.hpp>

#include <cmath>
#include <limits>
#include <mutex>

namespace fusebox {

namespace {

using std::chrono::hours;

template <class Options>
Options checked(const char* what, Options options) {
    if (auto errors = options.validate(); !errors.empty()) throw configuration_error(what, std::move(errors));
    return options;
}

void check_max_wait(duration max_wait, detail::option_checker& c) {
    c.require(max_wait >= duration{0} && max_wait <= hours{1}, "max_wait", max_wait,
              "between 0 (refuse at once) and 1 hour");
}

std::int64_t interval_of(double rate) noexcept {
    return static_cast<std::int64_t>(std::ceil(1e9 / rate));
}

// Room for as many returned starts as there can be waiting calls, within reason.
std::size_t room_for(duration max_wait, std::int64_t waiting) noexcept {
    return max_wait == duration{0} ? 0 : static_cast<std::size_t>(std::min<std::int64_t>(waiting, 1024));
}

std::int64_t count_of(time_point t) noexcept {
    return t.time_since_epoch().count();
}

// A refusal's retry_after is when a call would be let in, be it to wait.
std::unexpected<rejection> too_early(std::int64_t wait, duration max_wait) noexcept {
    return std::unexpected{rejection{errc::rate_limited, duration{wait} - max_wait}};
}

}  // namespace

std::vector<config_error> token_bucket_options::validate() const {
    detail::option_checker c;
    c.require(rate >= 0.001 && rate <= 1e6, "rate", rate, "between 0.001 and 1000000 a second");
    c.count("burst", burst, 1'000'000);
    check_max_wait(max_wait, c);
    return c.take();
}

std::vector<config_error> rate_window_options::validate() const {
    detail::option_checker c;
    c.count("limit", limit, 1'000'000);
    c.require(window >= std::chrono::milliseconds{1} && window <= hours{24}, "window", window, "between 1ms and 24h");
    check_max_wait(max_wait, c);
    return c.take();
}

token_bucket::token_bucket(token_bucket_options options)
    : interval_(interval_of(checked("token bucket", options).rate)),
      tolerance_((std::int64_t{options.burst} - 1) * interval_),
      max_wait_(options.max_wait),
      next_(std::numeric_limits<std::int64_t>::min() / 2),  // long ago: the bucket is full
      returned_(room_for(max_wait_, max_wait_.count() / interval_ + 1)) {}

std::expected<delayed<rate_permit>, rejection> token_bucket::enter_late(time_point now) noexcept {
    const std::int64_t t = count_of(now);
    if (const auto start = returned_.take(now, now + max_wait_)) {
        delayed_.fetch_add(1, std::memory_order_relaxed);
        return delayed<permit>{permit{returned_, *start}, *start};
    }
    std::int64_t next = next_.load(std::memory_order_relaxed);
    do {
        if (next - t > max_wait_.count()) {
            rejected_.fetch_add(1, std::memory_order_relaxed);
            return too_early(next - t, max_wait_);
        }
    } while (!next_.compare_exchange_weak(next, next + interval_, std::memory_order_relaxed));
    delayed_.fetch_add(1, std::memory_order_relaxed);
    const time_point start{duration{next}};
    return delayed<permit>{permit{returned_, start}, start};
}

rate_limiter_snapshot token_bucket::snapshot(time_point now) const noexcept {
    const std::int64_t ago = count_of(now) - next_.load(std::memory_order_relaxed);
    return {.available = ago < 0 ? 0 : static_cast<std::uint32_t>(std::min(ago, tolerance_) / interval_ + 1),
            .delayed = delayed_.load(std::memory_order_relaxed),
            .rejected = rejected_.load(std::memory_order_relaxed)};
}

template <class Count>
window_limiter<Count>::window_limiter(rate_window_options options)
    : max_wait_(checked("rate window", options).max_wait),
      count_(options.window.count(), options.limit),
      returned_(room_for(max_wait_, options.limit * (max_wait_ / options.window + 1))) {}

template <class Count>
std::expected<delayed<rate_permit>, rejection> window_limiter<Count>::enter(time_point now) noexcept {
    const std::scoped_lock hold(lock_);
    const std::int64_t t = count_of(now);
    Count next = count_;
    const std::int64_t start = next.advance(t);
    if (start > t) {
        if (const auto taken_over = returned_.take(now, now + max_wait_)) {
            ++delayed_;
            return delayed<permit>{permit{returned_, *taken_over}, *taken_over};
        }
        if (start - t > max_wait_.count()) {
            ++rejected_;
            return too_early(start - t, max_wait_);
        }
        ++delayed_;
    }
    next.take();
    count_ = next;
    if (start == t) return delayed<permit>{permit{}, now};
    const time_point at{duration{start}};
    return delayed<permit>{permit{returned_, at}, at};
}

template <class Count>
rate_limiter_snapshot window_limiter<Count>::snapshot(time_point now) const noexcept {
    const std::scoped_lock hold(lock_);
    return {.available = count_.available(count_of(now)), .delayed = delayed_, .rejected = rejected_};
}

template class window_limiter<detail::fixed_count>;
template class window_limiter<detail::sliding_count>;

}  // namespace fusebox
