// A lock for a few dozen instructions: one atomic exchange to take it, a plain store to give it back,
// half the price of an uncontended mutex. Waiters spin shortly, then yield, then sleep, so that a
// holder that lost its processor gets it back.
#pragma once

#include <atomic>
#include <cstdint>

namespace fusebox::detail {

template <class Platform>
class spin_lock {
public:
    void lock() noexcept {
        unsigned rounds = 0;
        while (held_.exchange(1, std::memory_order_acquire) != 0) {
            while (held_.load(std::memory_order_relaxed) != 0) Platform::relax(rounds++);
        }
    }
    void unlock() noexcept { held_.store(0, std::memory_order_release); }

private:
    typename Platform::template atomic<std::uint32_t> held_{0};
};

}  // namespace fusebox::detail
