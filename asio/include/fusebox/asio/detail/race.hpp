// The clock against a coroutine: what both sides share.
//
// It lives in recycled memory of its own, so that a handler that comes late finds it, even when the
// coroutine's frame is gone. All of it runs on the call's executor; only wake() may
// come from elsewhere.
#pragma once

#include <fusebox/detail/walk.hpp>
#include <fusebox/policy.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <atomic>
#include <memory>

namespace fusebox::asio::detail {

namespace net = boost::asio;

template <class Timer>
class race final : public fusebox::detail::waker, public std::enable_shared_from_this<race<Timer>> {
public:
    explicit race(const net::any_io_executor& executor) : executor_(executor), timer_(executor) {}

    static std::shared_ptr<race> make(const net::any_io_executor& executor) {
        return std::allocate_shared<race>(net::recycling_allocator<race>(), executor);
    }

    // -- The operation against its deadline.

    // The operation begins. Returns the slot by which cancel() reaches it.
    net::cancellation_slot begin() noexcept {
        ended_ = false;
        cause_ = cancel_cause::none;
        return signal_.slot();
    }
    // The operation ended; wakes who waits at the timer.
    void end() {
        ended_ = true;
        timer_.cancel();
    }
    bool ended() const noexcept { return ended_; }

    // Asks the operation to end. The first cause stands.
    void cancel(cancel_cause cause) {
        if (cause_ == cancel_cause::none) cause_ = cause;
        signal_.emit(net::cancellation_type::all);
    }
    cancel_cause cause() const noexcept { return cause_; }

    // -- Waiting for an instant, or for a grant.

    Timer& timer() noexcept { return timer_; }

    // A guard's queue moved on. From any thread.
    void wake() noexcept override {
        rung_.store(true, std::memory_order_release);
        net::post(executor_, [self = this->shared_from_this()] { self->timer_.cancel(); });
    }
    bool take_ring() noexcept { return rung_.exchange(false, std::memory_order_acquire); }

private:
    net::any_io_executor executor_;
    Timer timer_;
    net::cancellation_signal signal_;
    cancel_cause cause_ = cancel_cause::none;
    bool ended_ = false;
    std::atomic<bool> rung_{false};
};

}  // namespace fusebox::asio::detail
