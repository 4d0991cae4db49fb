// A hash that is the same in every process, on every machine, in every version: consistent hashing sends a key
// to the same endpoint from all replicas only as long as this does not change. Not for hostile input.
#pragma once

#include <cstdint>
#include <string_view>

namespace fusebox::gateway {

// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every bit of `x` moves every bit of the result.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

// FNV-1a (Fowler, Noll, Vo), 64 bits, finalised by mix(); `seed` gives independent functions.
constexpr std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0) noexcept {
    std::uint64_t h = 0xcbf29ce484222325u ^ mix(seed);
    for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return mix(h);
}

// `random`, uniform over 64 bits, as a number below `n`, without a division (Lemire, "Fast Random Integer
// Generation in an Interval", 2019; the bias is at most n / 2^32).
constexpr std::uint32_t below(std::uint64_t random, std::uint32_t n) noexcept {
    return static_cast<std::uint32_t>(((random >> 32) * n) >> 32);
}

}  // namespace fusebox::gateway
