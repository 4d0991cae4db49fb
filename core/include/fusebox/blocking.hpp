// The blocking driver: runs a call through a pipeline in the caller's thread.
//
// Timeouts are cooperative here: a blocking operation cannot be ended from outside, it is told its
// deadline and its stop token (call_context), and an answer that comes after the deadline is timed_out.
#pragma once

#include <fusebox/call_context.hpp>
#include <fusebox/clock.hpp>
#include <fusebox/detail/walk.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>

namespace fusebox {

// How a blocking driver waits. Replace it to test without waiting (testing/manual_runtime.hpp).
// Thread-safe; one object may serve many calls.
class blocking_runtime {
public:
    // A place to be woken at, made by the driver for one call.
    class bell final : public detail::waker {
    public:
        void wake() noexcept override;
        // True when woken before `until`, false when that came or `stop` was requested.
        bool wait_until(time_point until, const std::stop_token& stop);
        // True when it was rung since the last wait; silences it.
        bool take_ring() noexcept;

        // Not defaulted: the compiler would clear it as a whole, which takes longer than its members do.
        bell() noexcept {}

    private:
        std::mutex mutex_;
        std::optional<std::condition_variable> condition_;  // made by whoever waits: few calls do
        bool rung_ = false;
    };

    // Null means the system's clock.
    virtual const monotonic_clock* clock() const noexcept { return nullptr; }

    // Waits until `until`, or until the bell rings. Returns early when `stop` is requested.
    virtual void wait(bell& b, time_point until, const std::stop_token& stop) { b.wait_until(until, stop); }

    virtual ~blocking_runtime() = default;
};

// The runtime that waits for real.
blocking_runtime& system_runtime() noexcept;

namespace detail {

// Notes when a caller gives up: noticed later, it may look as if a deadline had come first.
class hang_up {
public:
    hang_up(const std::stop_token& stop, const monotonic_clock* clock) : stop_(stop), clock_(clock) {
        if (stop.stop_possible()) on_stop_.emplace(stop, note{this});
    }

    // Why an operation ended that was to end by `deadline`: by itself, or else by the first of the causes.
    cancel_cause cause(time_point deadline, cancel_cause why = cancel_cause::caller) const noexcept {
        if (!stop_.stop_requested()) return cancel_cause::none;
        return first_cause(why, time_point{duration{at_.load(std::memory_order_acquire)}}, deadline);
    }

private:
    struct note {
        hang_up* mine;
        void operator()() const noexcept {
            const time_point now = mine->clock_ ? mine->clock_->now() : steady_now();
            mine->at_.store(now.time_since_epoch().count(), std::memory_order_release);
        }
    };

    const std::stop_token& stop_;
    const monotonic_clock* clock_;
    std::atomic<duration::rep> at_{duration::min().count()};  // before any deadline while it is being noted
    std::optional<std::stop_callback<note>> on_stop_;
};

// The rest of the way, once the call has to wait.
template <class Walk, class Invoke>
[[gnu::noinline, gnu::cold]] void drive_on(command c, Walk& w, walk_state& state, blocking_runtime::bell& bell,
                                           blocking_runtime& runtime, Invoke& invoke) {
    const std::stop_token& stop = state.context.stop();
    while (c.kind != command::done) {
        if (c.kind == command::invoke) {
            c = w.ended(invoke());
            continue;
        }
        // A grant that came as a queue's time ran out has rung without being waited for.
        if (c.kind == command::sleep) (void)bell.take_ring();
        runtime.wait(bell, c.until, stop);
        c = stop.stop_requested() ? w.interrupt() : w.resume();
    }
}

// Drives `w` to its end, with `invoke` for the operation.
template <class Walk, class Invoke>
[[gnu::always_inline]] inline void drive_blocking(Walk& w, walk_state& state, blocking_runtime& runtime,
                                                  Invoke&& invoke) {
    blocking_runtime::bell bell;
    state.wake = &bell;
    command c = w.start();
    if (c.kind == command::invoke) [[likely]]
        c = w.ended(invoke());
    if (c.kind != command::done) [[unlikely]]
        drive_on(c, w, state, bell, runtime, invoke);
}

}  // namespace detail

}  // namespace fusebox
