// The clock against a coroutine: what both sides share.
//
// It lives in recycled memory of its own, so that a handler that comes late finds it, even when the
// coroutine's frame is gone. All of it runs on the call's executor; only wake() may
// come from elsewhere.
#pragma once

#include <fusebox/asio/detail/handler_memory.hpp>
#include <fusebox/detail/walk.hpp>
#include <fusebox/policy.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace fusebox::asio::detail {

namespace net = boost::asio;

template <class Timer>
class race final : public fusebox::detail::waker, public std::enable_shared_from_this<race<Timer>> {
public:
    explicit race(const net::any_io_executor& executor) : executor_(executor), timer_(executor) {}

    const net::any_io_executor& executor() const noexcept { return executor_; }

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
    // It ended; wakes who waits at the timer.
    void end() {
        ended_ = true;
        timer_.cancel();
    }
    bool ended() const noexcept { return ended_; }

    // The wait at the timer is over while the operation may still run: by `expired` the timer's own time came, by
    // `abandoned` somebody does not want the operation's result any more, for the cause that is given.
    void look(bool expired, bool abandoned, cancel_cause why) {
        if (ended_) return;
        if (abandoned) cancel(why);
        else if (expired) cancel(cancel_cause::deadline);
    }
    cancel_cause cause() const noexcept { return cause_; }

    // -- Waiting for an instant, for a grant, or for the operation's end.

    // Sets the timer; who awaits what comes back waits there, and is given a tuple of the error code: none when the
    // timer's time came. Deferred, because use_awaitable would need a frame for it. One wait at a time.
    auto wait_until(time_point until) {
        timer_.expires_at(typename Timer::time_point(until.time_since_epoch()));
        const auto token = net::as_tuple(net::deferred);
        return net::async_initiate<decltype(token), void(boost::system::error_code)>(begin_waiting{*this}, token);
    }
    // As above, until the operation's deadline; once it was cancelled, until it has ended.
    auto wait_for_end(time_point deadline) {
        return wait_until(cause_ == cancel_cause::none ? deadline : time_point::max());
    }
    void interrupt() { timer_.cancel(); }

    // A guard's queue moved on. From any thread.
    void wake() noexcept override {
        rung_.store(true, std::memory_order_release);
        net::post(executor_, [self = this->shared_from_this()] { self->timer_.cancel(); });
    }
    bool take_ring() noexcept { return rung_.exchange(false, std::memory_order_acquire); }

private:
    // Asio 1.81 binds an allocator to a handler, but not to a deferred one: so to what comes of that.
    struct begin_waiting {
        template <class Handler>
        void operator()(Handler&& handler) const {
            heat.timer_.async_wait(
                net::bind_allocator(handler_allocator<>(heat.waiting_), std::forward<Handler>(handler)));
        }
        race& heat;
    };

    // Asks the operation to end. The first cause stands.
    void cancel(cancel_cause cause) {
        if (cause_ == cancel_cause::none) cause_ = cause;
        signal_.emit(net::cancellation_type::all);
    }

    net::any_io_executor executor_;
    handler_memory waiting_;  // of who waits at the timer
    Timer timer_;
    net::cancellation_signal signal_;
    cancel_cause cause_ = cancel_cause::none;
    bool ended_ = false;
    std::atomic<bool> rung_{false};
};

}  // namespace fusebox::asio::detail
