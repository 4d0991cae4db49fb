// Rate limiters: at most so many calls in so much time.
//
//   fusebox::token_bucket geocoder{{.rate = 50, .burst = 10}};
//   auto place = geocoder.enter(now);      // or errc::rate_limited, with the exact retry_after
//
// Use token_bucket. The two others are for agreements that are written in windows:
//
//   token_bucket    any stretch of time t sees at most burst + rate * t calls. Smooth, and one word of state.
//   fixed_window    `limit` calls from each full window to the next. Around an edge twice that many can come
//                   within one window's length; callers that were refused all return at the edge.
//   sliding_window  fixed_window with its edges smoothed: an estimate, see there.
//
// With max_wait, a call that comes too early is not refused but given a start of its own, at most that
// far away. The driver sleeps until then. A permit that is dropped before its start gives its place to
// the next call that has to wait; nobody else's start moves.
//
// Thread-safety: all members may be called from any thread. `now` must come from one monotonic clock; a
// thread that comes with an older one is served as if it had come then. Nothing allocates after
// construction. For a limiter per caller see keyed.hpp.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>
#include <fusebox/detail/native_platform.hpp>
#include <fusebox/detail/returned_starts.hpp>
#include <fusebox/detail/spin_lock.hpp>
#include <fusebox/detail/window_count.hpp>
#include <fusebox/policy.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <expected>
#include <utility>
#include <vector>

namespace fusebox {

struct token_bucket_options {
    double rate = 100;        // tokens a second, 0.001 to 1 000 000
    std::uint32_t burst = 1;  // tokens that a bucket holds, 1 to 1 000 000; a new one is full
    duration max_wait{0};     // 0 (refuse at once) to 1 hour

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const token_bucket_options&, const token_bucket_options&) = default;
};

struct rate_window_options {
    std::uint32_t limit = 100;                  // calls in a window, 1 to 1 000 000
    duration window = std::chrono::seconds{1};  // 1 ms to 24 h; windows begin at multiples of it
    duration max_wait{0};                       // 0 (refuse at once) to 1 hour

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const rate_window_options&, const rate_window_options&) = default;
};

struct rate_limiter_snapshot {
    std::uint32_t available = 0;  // calls that could start now
    std::uint64_t delayed = 0;    // calls given a later start, in total
    std::uint64_t rejected = 0;   // in total
};

// The right to begin a call at its start_at. Settled, it is used up; dropped before its start, it gives
// its place back. Movable between threads; must not outlive its limiter. One thread at a time.
class [[nodiscard]] rate_permit {
public:
    rate_permit() = default;  // for a start that is now: nothing to give back
    rate_permit(detail::returned_starts& to, time_point start) noexcept : to_(&to), start_(start) {}
    rate_permit(rate_permit&& other) noexcept : to_(std::exchange(other.to_, nullptr)), start_(other.start_) {}
    rate_permit& operator=(rate_permit&& other) noexcept {
        if (this != &other) {
            abandon();
            to_ = std::exchange(other.to_, nullptr);
            start_ = other.start_;
        }
        return *this;
    }
    ~rate_permit() { abandon(); }

    // The verdict means nothing to a rate limiter.
    void settle(const report&, time_point) noexcept { to_ = nullptr; }
    // A start that has passed meanwhile is never given to another.
    void abandon() noexcept {
        if (auto* to = std::exchange(to_, nullptr)) to->put(start_);
    }

private:
    detail::returned_starts* to_ = nullptr;
    time_point start_{};
};

// A bucket of tokens that refills steadily. In the form of the generic cell rate algorithm (ITU-T I.371,
// annex A: the "virtual scheduling" half of it), which keeps one instant in place of tokens and a
// timestamp: `next`, when the next call may start if calls come without pause.
//
//   interval = ceil(1 s / rate)                   in whole nanoseconds
//   start    = max(next, now)
//   next     = max(next, now - (burst - 1) * interval) + interval
//
// A start later than `now` is a wait. The integers neither drift nor lose the remainder of a poll that
// came late. The interval is rounded up, so the rate is never exceeded, and is missed by less than one
// nanosecond a token (0.1 % at the highest rate, one in a million at 1000 a second).
//
// One compare-and-swap a call; a lock only while there are returned starts to give out.
class token_bucket {
public:
    using permit = rate_permit;

    // Throws configuration_error when the options cannot be meant.
    explicit token_bucket(token_bucket_options options = {});

    std::expected<delayed<permit>, rejection> enter(time_point now) noexcept {
        const std::int64_t t = now.time_since_epoch().count();
        std::int64_t next = next_.load(std::memory_order_relaxed);
        while (next <= t) {
            if (next_.compare_exchange_weak(next, std::max(next, t - tolerance_) + interval_,
                                            std::memory_order_relaxed))
                return delayed<permit>{permit{}, now};
        }
        return enter_late(now);
    }

    rate_limiter_snapshot snapshot(time_point now) const noexcept;

private:
    std::expected<delayed<permit>, rejection> enter_late(time_point now) noexcept;

    const std::int64_t interval_;
    const std::int64_t tolerance_;  // (burst - 1) * interval
    const duration max_wait_;
    std::atomic<std::int64_t> next_;
    detail::returned_starts returned_;
    std::atomic<std::uint64_t> delayed_{0};
    std::atomic<std::uint64_t> rejected_{0};
};

// Shared by the two limiters below: takes places in a count under a lock, and keeps score. `Count` says
// when the next call may start, and what is counted once it does.
template <class Count>
class window_limiter {
public:
    using permit = rate_permit;

    // Throws configuration_error when the options cannot be meant.
    explicit window_limiter(rate_window_options options = {});

    std::expected<delayed<permit>, rejection> enter(time_point now) noexcept;
    rate_limiter_snapshot snapshot(time_point now) const noexcept;

private:
    const duration max_wait_;
    mutable detail::spin_lock<detail::native_platform> lock_;  // of the three below
    Count count_;
    std::uint64_t delayed_ = 0;
    std::uint64_t rejected_ = 0;
    detail::returned_starts returned_;
};

extern template class window_limiter<detail::fixed_count>;
extern template class window_limiter<detail::sliding_count>;

// Counts calls from one multiple of the window's length to the next.
using fixed_window = window_limiter<detail::fixed_count>;

// Estimates the calls within the last window's length from two counts, as if those of the window before
// had come evenly spread (the approximation that Cloudflare described in "How we built rate limiting capable
// of scaling to millions of domains", 2017):
//
//   estimate = before * (window - elapsed) / window + current        elapsed since the window's edge
//
// A call may start when the estimate with it is at most `limit`. Error: the true number may be higher by
// up to before * elapsed / window (all of them came at their window's end, so up to twice the limit just
// before the next edge), or lower by up to before * (window - elapsed) / window (all came at its beginning:
// a limit of 1 then waits for two edges). None when they did come evenly. A token bucket has no such error.
using sliding_window = window_limiter<detail::sliding_count>;

}  // namespace fusebox
