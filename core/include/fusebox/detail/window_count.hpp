// The counts behind fixed_window and sliding_window (rate_limiter.hpp). Plain values: time in whole
// nanoseconds since the clock's epoch, not negative; window number n runs from n * length to (n + 1) * length.
#pragma once

#include <cstdint>

namespace fusebox::detail {

class fixed_count {
public:
    fixed_count(std::int64_t length, std::uint32_t limit) noexcept : length_(length), limit_(limit) {}

    // Moves on to where the next call is counted, and returns when it may start: `t`, or later.
    std::int64_t advance(std::int64_t t) noexcept;
    void take() noexcept { ++count_; }
    // Calls that could start at `t`.
    std::uint32_t available(std::int64_t t) const noexcept;

private:
    std::int64_t length_;
    std::uint32_t limit_;
    std::int64_t number_ = -1;  // of the window that calls are counted in; ahead of time while calls wait
    std::uint32_t count_ = 0;   // calls in it
};

class sliding_count {
public:
    sliding_count(std::int64_t length, std::uint32_t limit) noexcept : length_(length), limit_(limit) {}

    // As above.
    std::int64_t advance(std::int64_t t) noexcept;
    void take() noexcept { ++current_; }
    std::uint32_t available(std::int64_t t) const noexcept;

private:
    void move_to(std::int64_t number) noexcept;
    std::int64_t earliest() const noexcept;

    std::int64_t length_;
    std::uint32_t limit_;
    std::int64_t number_ = -1;   // of the window that calls are counted in; ahead of time while calls wait
    std::uint32_t before_ = 0;   // calls in the window before
    std::uint32_t current_ = 0;  // calls in this one
};

}  // namespace fusebox::detail
