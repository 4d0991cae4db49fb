// A clock that stands still until it is told to move. For tests, yours included.
// Thread-safe: one thread may advance it while others read.
#pragma once

#include <fusebox/clock.hpp>

#include <atomic>

namespace fusebox::testing {

class manual_clock final : public monotonic_clock {
public:
    // Starts at the clock's epoch plus `start`.
    explicit manual_clock(duration start = duration{0}) noexcept : now_(start.count()) {}

    time_point now() const noexcept override { return time_point{duration{now_.load(std::memory_order_acquire)}}; }

    // Moves forward by `by`, which must not be negative.
    void advance(duration by) noexcept { now_.fetch_add(by.count(), std::memory_order_acq_rel); }

private:
    std::atomic<duration::rep> now_;
};

}  // namespace fusebox::testing
