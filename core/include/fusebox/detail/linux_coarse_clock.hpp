// The coarse clock of Linux, for clock.hpp: the time of the kernel's last tick, for about 3 ns a read.
// plain_coarse_clock.hpp is the same for every other system.
//
// Thread-safety: any thread, at any time.
#pragma once

#include <time.h>
#include <atomic>
#include <chrono>

namespace fusebox::detail {

// clock_gettime, or what it asks itself; see linux/coarse_clock.cpp. Written once, before main(); relaxed, because both
// of its values read the same clock.
using clock_reader = int (*)(clockid_t, timespec*);
extern std::atomic<clock_reader> read_clock;

// Since the epoch of std::chrono::steady_clock.
[[gnu::always_inline]] inline std::chrono::nanoseconds coarse_reading() noexcept {
    timespec t;
    read_clock.load(std::memory_order_relaxed)(CLOCK_MONOTONIC_COARSE, &t);
    return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

// One tick of the kernel: 1 to 10 ms.
inline std::chrono::nanoseconds coarse_tick() noexcept {
    static const std::chrono::nanoseconds tick = [] {
        timespec t;
        ::clock_getres(CLOCK_MONOTONIC_COARSE, &t);
        return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
    }();
    return tick;
}

}  // namespace fusebox::detail
