// The verdicts of the last while, summed in buckets aligned to multiples of their width.
//
// The current bucket has the number now / width; the ring keeps the buckets numbered in
// (current - B, current]. Sums are kept, so a snapshot is O(1) unless time has passed since the last
// advance, and then it looks once at each bucket without changing any.
// Pure and single-threaded; the caller locks.
#pragma once

#include <fusebox/window.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <vector>

namespace fusebox::detail {

struct time_bucket {
    std::uint32_t successes = 0;
    std::uint32_t failures = 0;
    std::uint32_t slow = 0;

    bool empty() const noexcept { return (successes | failures | slow) == 0; }
};

// a + b, or the greatest that fits.
template <std::unsigned_integral T>
constexpr T saturating_sum(T a, T b) noexcept {
    return a > std::numeric_limits<T>::max() - b ? std::numeric_limits<T>::max() : static_cast<T>(a + b);
}

class time_ring {
public:
    time_ring(std::uint32_t buckets, duration width, time_point now)
        : buckets_(buckets), width_(width), current_(number(now)) {}

    // Moves the window's end to `now`, dropping what has left it. Time never moves it backwards.
    void advance(time_point now) noexcept {
        const auto target = number(now);
        const auto steps = std::min<std::int64_t>(target - current_, std::int64_t(buckets_.size()));
        for (std::int64_t i = 1; i <= steps; ++i) {
            time_bucket& old = at(target - steps + i);
            calls_ -= old.successes + std::uint64_t{old.failures};
            failures_ -= old.failures;
            slow_ -= old.slow;
            old = {};
        }
        current_ = std::max(current_, target);
    }

    // Adds to the current bucket.
    void add(const time_bucket& verdicts) noexcept { add_at(current_, verdicts); }

    window_snapshot snapshot() const noexcept { return {calls_, failures_, slow_}; }

    // What snapshot() would give after advance(now).
    window_snapshot snapshot(time_point now) const noexcept {
        if (number(now) <= current_) return snapshot();
        window_snapshot sum;
        for_each(now, [&](time_point, const time_bucket& b) {
            sum.calls += b.successes + std::uint64_t{b.failures};
            sum.failures += b.failures;
            sum.slow_calls += b.slow;
        });
        return sum;
    }

    // The first instant that belongs to the next bucket.
    time_point bucket_end() const noexcept { return start_of(current_ + 1); }

    void clear() noexcept {
        std::fill(buckets_.begin(), buckets_.end(), time_bucket{});
        calls_ = failures_ = slow_ = 0;
    }

    // Adds `verdicts` to the bucket that holds `when`, if the window still covers it.
    void add_past(time_point when, const time_bucket& verdicts) noexcept {
        const auto n = std::min(number(when), current_);
        if (n > current_ - std::int64_t(buckets_.size())) add_at(n, verdicts);
    }

    // Calls visit(start of bucket, bucket) for each bucket that the window covers at `now`, oldest first.
    template <class Visit>
    void for_each(time_point now, Visit visit) const {
        for (auto n = std::max(current_, number(now)) - std::int64_t(buckets_.size()) + 1; n <= current_; ++n)
            visit(start_of(n), buckets_[index(n)]);
    }

    time_window shape() const noexcept { return {static_cast<std::uint32_t>(buckets_.size()), width_}; }

private:
    // Floor division, so that instants before the clock's epoch have buckets too.
    std::int64_t number(time_point t) const noexcept {
        const auto n = t.time_since_epoch().count(), w = width_.count();
        return n / w - (n % w < 0);
    }
    time_point start_of(std::int64_t n) const noexcept {
        return n > time_point::max().time_since_epoch().count() / width_.count() ? time_point::max()
                                                                                 : time_point{width_ * n};
    }
    std::size_t index(std::int64_t n) const noexcept {
        const auto size = std::int64_t(buckets_.size());
        return static_cast<std::size_t>((n % size + size) % size);
    }
    time_bucket& at(std::int64_t n) noexcept { return buckets_[index(n)]; }
    // A bucket that is full stays full. The sums take in just what the bucket did, so that they give it back
    // whole when the bucket leaves.
    void add_at(std::int64_t n, const time_bucket& v) noexcept {
        time_bucket& b = at(n);
        const time_bucket before = b;
        b = {saturating_sum(b.successes, v.successes), saturating_sum(b.failures, v.failures),
             saturating_sum(b.slow, v.slow)};
        calls_ += std::uint64_t{b.successes - before.successes} + (b.failures - before.failures);
        failures_ += b.failures - before.failures;
        slow_ += b.slow - before.slow;
    }

    std::vector<time_bucket> buckets_;
    duration width_;
    std::int64_t current_;
    std::uint64_t calls_ = 0;
    std::uint64_t failures_ = 0;
    std::uint64_t slow_ = 0;
};

}  // namespace fusebox::detail
