// How long a call may take: each try (inside the breaker, so that it hears of it), or all of them with
// their pauses (outside the retry). A race between the clock and the call.
//
// The policy only says when. A coroutine that runs out of time is cancelled and awaited; blocking code
// has to watch call_context::deadline() and stop() by itself: nobody can stop it from outside.
//
// Thread-safety: immutable.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>

#include <algorithm>
#include <vector>

namespace fusebox {

struct timeout_options {
    duration limit{};  // above 0; see the two usual ones below

    static constexpr timeout_options per_try() noexcept { return {std::chrono::seconds{3}}; }
    static constexpr timeout_options total() noexcept { return {std::chrono::seconds{10}}; }

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;

    friend bool operator==(const timeout_options&, const timeout_options&) = default;
};

class timeout {
public:
    // Throws configuration_error when options.validate() finds anything.
    explicit timeout(const timeout_options& options);
    explicit timeout(duration limit) : timeout(timeout_options{limit}) {}

    // When a call that starts at `now` must have ended; `outer` is what the timeouts around it allow,
    // time_point::max() when there are none. Saturates: never before `now`, unless `outer` is.
    time_point deadline(time_point now, time_point outer = time_point::max()) const noexcept {
        return std::min(outer, saturating_add(now, limit_));
    }

    // Whether that deadline is this timeout's, and not one's around it, whose call is then over as a
    // whole. When both strike at once it is the outer one's.
    bool owns_deadline(time_point now, time_point outer = time_point::max()) const noexcept {
        return saturating_add(now, limit_) < outer;
    }

    duration limit() const noexcept { return limit_; }

private:
    duration limit_;
};

}  // namespace fusebox
