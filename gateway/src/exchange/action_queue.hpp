// What a machine has still to say, in order; and the present, as it was told.
//
// Thread-safety: none.
#pragma once

#include "exchange/exchange_step.hpp"

#include <array>
#include <cassert>
#include <cstddef>

namespace fusebox::gateway {

// First in, first out. Each event leads to a bounded number of actions: a few, and two for each attempt of a race.
class action_queue {
public:
    static constexpr std::size_t room = 64;

    void push(const action& a) noexcept {
        assert(size_ < room);
        ring_[(first_ + size_++) % room] = a;
    }
    // Of kind none when there is nothing.
    action pop() noexcept {
        if (size_ == 0) return {};
        const action next = ring_[first_];
        first_ = (first_ + 1) % room;
        --size_;
        return next;
    }
    void clear() noexcept { size_ = 0; }

private:
    std::array<action, room> ring_{};
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

// The clock of who is told the time.
class instant final : public monotonic_clock {
public:
    void set(time_point now) noexcept { now_ = now; }
    time_point now() const noexcept override { return now_; }

private:
    time_point now_{};
};

}  // namespace fusebox::gateway
