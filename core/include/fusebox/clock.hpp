// Time, as the library sees it: one injected monotonic clock.
//
// Policies never read a clock; drivers and the thread-safe shells around policies do, through this
// interface, so that a test can put its own clock in place. Wall time is for display only and does
// not occur here.
//
// Thread-safety: implementations must allow concurrent reads, must never go backwards, and must not
// call into the object that reads them (a breaker reads its clock while it holds its own lock).
#pragma once

#include <time.h>
#include <atomic>
#include <chrono>
#include <limits>

namespace fusebox {

using duration = std::chrono::nanoseconds;
using time_point = std::chrono::steady_clock::time_point;

// A monotonic clock that can be replaced (see fusebox/testing/manual_clock.hpp).
class monotonic_clock {
public:
    // The present, to the nanosecond (about 20 ns a read on Linux).
    virtual time_point now() const noexcept = 0;

    // The present, cheaply: never later than now(), and behind it by a few milliseconds at most.
    virtual time_point coarse_now() const noexcept { return now(); }

    // By how much coarse_now() may be behind now().
    virtual duration coarse_lag() const noexcept { return duration{0}; }

protected:
    ~monotonic_clock() = default;
};

// The system's monotonic clock, exact.
inline time_point steady_now() noexcept {
    return std::chrono::steady_clock::now();
}

namespace detail {
// clock_gettime, or what it asks itself; see clock.cpp. Written once, before main(); relaxed, because both of its
// values read the same clock.
using clock_reader = int (*)(clockid_t, timespec*);
extern std::atomic<clock_reader> read_clock;
}  // namespace detail

// The system's monotonic clock as of the kernel's last tick (1 to 4 ms): about 3 ns a read.
// It shares its epoch with steady_now(), so the two can be compared.
[[gnu::always_inline]] inline time_point coarse_now() noexcept {
    timespec t;
    detail::read_clock.load(std::memory_order_relaxed)(CLOCK_MONOTONIC_COARSE, &t);
    return time_point{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

// By how much coarse_now() may be behind steady_now(): one tick of the kernel.
inline duration coarse_lag() noexcept {
    static const duration tick = [] {
        timespec t;
        ::clock_getres(CLOCK_MONOTONIC_COARSE, &t);
        return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
    }();
    return tick;
}

// `at + by`, staying at the last representable instant instead of overflowing. `by` is not negative.
constexpr time_point saturating_add(time_point at, duration by) noexcept {
    return at > time_point::max() - by ? time_point::max() : at + by;
}

}  // namespace fusebox
