// A blocking runtime in which waiting takes no time: the clock jumps to the end of each wait. For tests.
// Not thread-safe: one call at a time.
#pragma once

#include <fusebox/blocking.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <functional>
#include <utility>
#include <vector>

namespace fusebox::testing {

class manual_runtime final : public blocking_runtime {
public:
    const monotonic_clock* clock() const noexcept override { return &time; }

    // Notes the wait, lets `during_wait` do what others would do meanwhile, and jumps to the end unless
    // that rang the bell.
    void wait(bell& b, time_point until, const std::stop_token& stop) override {
        if (until != time_point::max()) waits.push_back(until - time.now());
        if (during_wait) during_wait(until - time.now());
        if (b.take_ring() || stop.stop_requested()) return;
        if (until == time_point::max()) {  // for others, who run in threads of their own
            b.wait_until(until, stop);
            return;
        }
        if (until > time.now()) time.advance(until - time.now());
    }

    manual_clock time;
    std::vector<duration> waits;                  // how long each wait was asked to last
    std::function<void(duration)> during_wait{};  // may advance `time` itself
};

}  // namespace fusebox::testing
