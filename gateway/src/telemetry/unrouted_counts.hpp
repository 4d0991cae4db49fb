// How many requests were refused before they had a route, by status.
//
// Thread-safety: one thread adds, any may read.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fusebox::gateway {

class unrouted_counts {
public:
    static constexpr int first = 400, last = 599;  // statuses

    void add(int status) noexcept {
        auto& own = counts_[static_cast<std::size_t>(status - first)];
        own.store(own.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    std::uint64_t of(int status) const noexcept {
        return counts_[static_cast<std::size_t>(status - first)].load(std::memory_order_relaxed);
    }

private:
    std::array<std::atomic<std::uint64_t>, last - first + 1> counts_{};
};

}  // namespace fusebox::gateway
