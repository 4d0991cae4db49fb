// Time, as the library sees it: one injected monotonic clock.
//
// Policies never read a clock; drivers and the thread-safe shells around policies do, through this
// interface, so that a test can put its own clock in place. Wall time is for display only and does
// not occur here.
//
// Thread-safety: implementations must allow concurrent reads, must never go backwards, and must not
// call into the object that reads them (a breaker reads its clock while it holds its own lock).
#pragma once

#ifdef __linux__
#include <fusebox/detail/linux_coarse_clock.hpp>
#else
#include <fusebox/detail/plain_coarse_clock.hpp>
#endif

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

// The system's monotonic clock, cheaply: on Linux as of the kernel's last tick (1 to 4 ms), about 3 ns a read;
// elsewhere it is steady_now(). It shares its epoch with steady_now(), so the two can be compared.
[[gnu::always_inline]] inline time_point coarse_now() noexcept {
    return time_point{detail::coarse_reading()};
}

// By how much coarse_now() may be behind steady_now(): one tick of the kernel, or nothing.
inline duration coarse_lag() noexcept {
    return detail::coarse_tick();
}

// `at + by`, staying at the last representable instant instead of overflowing. `by` is not negative.
constexpr time_point saturating_add(time_point at, duration by) noexcept {
    return at > time_point::max() - by ? time_point::max() : at + by;
}

}  // namespace fusebox
