// The arithmetic of waiting longer each time. Pure; all results saturate and are never negative.
#pragma once

#include <fusebox/clock.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace fusebox {

// base * multiplier^n, at most `cap`, for any n: attempt 1 000 000 neither overflows nor turns negative.
// `base` >= 0, `multiplier` >= 1.
inline duration exponential_backoff(duration base, double multiplier, duration cap, std::uint32_t n) noexcept {
    if (base <= duration{0}) return duration{0};
    const double wait = double(base.count()) * std::pow(multiplier, double(n));
    // The comparison comes first: turning a double above the range into an integer is undefined.
    return wait >= double(cap.count()) ? cap : duration{static_cast<std::int64_t>(wait)};
}

// `wait` moved by up to +-`share` of itself; `unit` is uniform in [0, 1). Saturates at duration::max().
inline duration jittered(duration wait, double share, double unit) noexcept {
    const double moved = double(wait.count()) * (1.0 + share * (2.0 * unit - 1.0));
    return moved >= double(duration::max().count()) ? duration::max() : duration{static_cast<std::int64_t>(moved)};
}

}  // namespace fusebox
