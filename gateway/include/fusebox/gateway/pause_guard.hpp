// Tells an endpoint's slowness from our own: after a pause of this process (a frozen virtual machine, a starved
// loop) every call in flight looks timed out, and every breaker would open for nothing.
//
// A loop says when it was due and when it came; the lateness adds up. A call remembers the sum at its start,
// and its result is worthless when more than half of its timeout was our own lateness:
//
//   fusebox::gateway::pause_guard pauses;
//   pauses.turn(due, now);                                    // each time the loop wakes
//   const auto mark = pauses.mark();                          // when a call starts
//   if (pauses.spoils(mark, timeout)) outcome = ignored;      // when it ends
//
// Thread-safety: none; one for each loop.
#pragma once

#include <fusebox/clock.hpp>

namespace fusebox::gateway {

class pause_guard {
public:
    using lateness = duration;

    // The loop was to run at `due` (the timer it waited for, or its own heartbeat), and ran at `now`.
    void turn(time_point due, time_point now) noexcept {
        if (now > due) total_ += now - due;
    }

    lateness mark() const noexcept { return total_; }

    // True when what happened since `at_start` says nothing of the other side.
    bool spoils(lateness at_start, duration timeout) const noexcept { return total_ - at_start > timeout / 2; }

private:
    lateness total_{0};
};

}  // namespace fusebox::gateway
