// The coarse clock of a system of which we know no cheaper one than the standard library's: the exact clock.
//
// Thread-safety: any thread, at any time.
#pragma once

#include <chrono>

namespace fusebox::detail {

// Since the epoch of std::chrono::steady_clock.
inline std::chrono::nanoseconds coarse_reading() noexcept {
    return std::chrono::steady_clock::now().time_since_epoch();
}

// It is never behind.
inline std::chrono::nanoseconds coarse_tick() noexcept {
    return std::chrono::nanoseconds{0};
}

}  // namespace fusebox::detail
