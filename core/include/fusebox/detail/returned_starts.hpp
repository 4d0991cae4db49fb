// Starts that a rate limiter had given out for later and that came back unused.
//
// They cannot simply be added to the budget again: those behind have been told their times, and a call
// that took the place at the end of the line besides would make two where one is due. So a returned
// start is kept as it is, and the next call that would have to wait takes it over: the starts that calls
// are made at stay a part of those that were given out. One whose time has passed is forgotten, which
// is also why it does not matter whether a permit was dropped before its call or during it.
//
// Thread-safe. Allocates at construction only; beyond its capacity it forgets the earliest.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/detail/native_platform.hpp>
#include <fusebox/detail/spin_lock.hpp>

#include <atomic>
#include <cstddef>
#include <optional>
#include <vector>

namespace fusebox::detail {

class returned_starts {
public:
    // None are kept when `capacity` is 0.
    explicit returned_starts(std::size_t capacity);

    void put(time_point start) noexcept;

    // The earliest start after `now`; the caller's from now on unless it is after `latest`.
    std::optional<time_point> take(time_point now, time_point latest) noexcept {
        if (size_.load(std::memory_order_acquire) == 0) [[likely]]
            return {};
        return take_earliest(now, latest);
    }

private:
    std::optional<time_point> take_earliest(time_point now, time_point latest) noexcept;
    void forget_earliest() noexcept;

    const std::size_t capacity_;
    std::atomic<std::size_t> size_{0};
    spin_lock<native_platform> lock_;
    std::vector<time_point> starts_;  // a heap, the earliest on top
};

}  // namespace fusebox::detail
