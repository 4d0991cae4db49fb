#include <fusebox/blocking.hpp>

#include <algorithm>
#include <utility>

namespace fusebox {

void blocking_runtime::bell::wake() noexcept {
    // Notified under the lock: the waiter may destroy the bell as soon as it can see it rung.
    const std::scoped_lock hold(mutex_);
    rung_ = true;
    if (condition_) condition_->notify_all();
}

bool blocking_runtime::bell::wait_until(time_point until, const std::stop_token& stop) {
    {
        const std::scoped_lock hold(mutex_);
        if (!condition_) condition_.emplace();
    }
    const std::stop_callback on_stop(stop, [this] {
        const std::scoped_lock hold(mutex_);
        condition_->notify_all();
    });
    std::unique_lock hold(mutex_);
    while (!rung_) {
        const time_point now = steady_now();
        if (stop.stop_requested() || now >= until) return false;
        // In steps, because a condition variable overflows on instants that are very far away.
        condition_->wait_until(hold, std::min(until, now + std::chrono::hours{24}));
    }
    rung_ = false;
    return true;
}

bool blocking_runtime::bell::take_ring() noexcept {
    const std::scoped_lock hold(mutex_);
    return std::exchange(rung_, false);
}

blocking_runtime& system_runtime() noexcept {
    static blocking_runtime the_runtime;
    return the_runtime;
}

}  // namespace fusebox
