// Seeded randomness for jitter, sampling and chaos. Not for secrets.
#pragma once

#include <cstdint>

namespace fusebox {

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
// Eight bytes of state; every seed is a good one. Not thread-safe: the owner locks, or has one each.
class splitmix64 {
public:
    explicit constexpr splitmix64(std::uint64_t seed) noexcept : state_(seed) {}

    constexpr std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    // Uniform in [0, 1).
    constexpr double unit() noexcept { return double(next() >> 11) * 0x1p-53; }

private:
    std::uint64_t state_;
};

// A seed that no other call in this process, and likely in no other process, was given.
std::uint64_t fresh_seed() noexcept;

}  // namespace fusebox
