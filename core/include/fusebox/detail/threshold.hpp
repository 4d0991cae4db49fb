// When a share reaches a threshold. Pure.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace fusebox::detail {

// How many of `calls` make a share of at least `threshold`, in (0, 1]; at least 1.
//
// A threshold written with four decimals stands for the fraction it rounds: 0.6667 of 3 calls is 2 of
// them. So when a whole number of calls lies within half a basis point (0.005 %) of the threshold, it
// counts as equal; everything else is compared exactly.
inline std::uint64_t calls_required(double threshold, std::uint64_t calls) noexcept {
    const double exact = threshold * double(calls);
    const double nearest = std::round(exact);
    const bool equal = std::abs(nearest - exact) <= 0.00005 * double(calls);
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(equal ? nearest : std::ceil(exact)));
}

// True when `part` of `calls` makes a share of at least `threshold`.
inline bool reaches(double threshold, std::uint64_t part, std::uint64_t calls) noexcept {
    const bool plainly_below = double(part) < (threshold - 0.0001) * double(calls);  // spares the rounding
    return !plainly_below && part >= calls_required(threshold, calls);
}

}  // namespace fusebox::detail
