// The world as breaker_engine.hpp wants it, for programs.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/detail/thread_cells.hpp>

#include <atomic>

namespace fusebox::detail {

struct native_platform {
    template <class T>
    using atomic = std::atomic<T>;

    using cells = thread_cells;

    // Called in turn while a lock is held by another thread.
    static void relax(unsigned rounds) noexcept;

    // In how many deliveries of events the calling thread is.
    static unsigned& deliveries() noexcept {
        static constinit thread_local unsigned depth = 0;
        return depth;
    }

    // The injected clock, or the system's, read without a virtual call.
    class time {
    public:
        explicit time(const monotonic_clock* injected) noexcept : injected_(injected) {}
        time_point now() const noexcept {
            if (injected_ != nullptr) [[unlikely]]
                return injected_->now();
            return steady_now();
        }
        [[gnu::always_inline]] time_point coarse_now() const noexcept {
            if (injected_ != nullptr) [[unlikely]]
                return injected_->coarse_now();
            return fusebox::coarse_now();
        }

    private:
        const monotonic_clock* injected_;
    };
};

}  // namespace fusebox::detail
