// Draws an index by weight in constant time, however many there are: Walker's alias method, built as by Vose
// ("A Linear Algorithm For Generating Random Numbers With a Given Distribution", 1991).
//
// Thread-safety: immutable once built.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fusebox::gateway {

class alias_table {
public:
    alias_table() = default;
    // Weights are above zero.
    explicit alias_table(std::span<const double> weights);

    // An index, by weight; both halves of `random` are used. The table is not empty.
    std::uint32_t draw(std::uint64_t random) const noexcept {
        const auto slot = static_cast<std::uint32_t>(((random >> 32) * slots_.size()) >> 32);
        const slot_entry& s = slots_[slot];
        return static_cast<std::uint32_t>(random) <= s.keep ? slot : s.other;
    }

    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(slots_.size()); }

private:
    struct slot_entry {
        std::uint32_t keep;   // of 2^32 - 1: how often the slot stands for itself
        std::uint32_t other;  // whom it stands for otherwise
    };
    std::vector<slot_entry> slots_;
};

}  // namespace fusebox::gateway
