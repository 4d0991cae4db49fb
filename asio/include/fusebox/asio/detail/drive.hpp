// The coroutine driver's loop around a walk; the twin of drive_blocking in fusebox/blocking.hpp.
#pragma once

#include <fusebox/asio/detail/race.hpp>
#include <fusebox/detail/slot.hpp>
#include <fusebox/detail/walk.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace fusebox::asio::detail {

template <class T>
struct awaited;
template <class T, class Executor>
struct awaited<net::awaitable<T, Executor>> {
    using type = T;
};
// What an operation that returns awaitable<T> comes to: T.
template <class F>
using awaited_t = typename awaited<fusebox::detail::operation_result_t<F>>::type;

// Runs the operation once, and puts what comes of it into the slot.
template <class F, class Slot>
net::awaitable<void> fill(F& operation, Slot& slot, const call_context& context) {
    std::exception_ptr thrown;
    try {
        auto running = fusebox::detail::invoke_operation(operation, context);
        if constexpr (std::is_void_v<typename Slot::raw_type>) {
            co_await std::move(running);
            slot.fill([] {});
        } else {
            auto value = co_await std::move(running);
            slot.set(std::move(value));
        }
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) slot.fail(std::move(thrown));
}

// Waits at the race's timer; true when the timer's time came, false when it was cancelled.
template <class Timer>
net::awaitable<bool> expire(race<Timer>& heat, time_point until) {
    heat.timer().expires_at(typename Timer::time_point(until.time_since_epoch()));
    const auto token = net::as_tuple(net::use_awaitable);
    auto waited = heat.timer().async_wait(token);
    const auto [interrupted] = co_await std::move(waited);
    co_return !interrupted;
}

// Runs `attempt` beside this coroutine, which waits at the race's timer until `until`, and cancels it
// then, or when the caller gives up; awaits it in any case. `lost` says why a caller's cancellation came.
template <class Timer>
net::awaitable<cancel_cause> against_clock(std::shared_ptr<race<Timer>> heat, net::awaitable<void> attempt,
                                           time_point deadline, const bool& lost) {
    const auto executor = co_await net::this_coro::executor;
    auto at_end = [heat](std::exception_ptr) { heat->end(); };
    auto ended = net::bind_cancellation_slot(heat->begin(), std::move(at_end));
    net::co_spawn(executor, std::move(attempt), std::move(ended));
    while (!heat->ended()) {
        const time_point until = heat->cause() == cancel_cause::none ? deadline : time_point::max();
        const bool expired = co_await expire(*heat, until);
        if (heat->ended()) break;
        const auto state = co_await net::this_coro::cancellation_state;
        if (state.cancelled() != net::cancellation_type::none)
            heat->cancel(lost ? cancel_cause::hedge_lost : cancel_cause::caller);
        else if (expired) heat->cancel(cancel_cause::deadline);
    }
    co_return heat->cause();
}

// Waits for an instant, or in a queue for a grant; true when the caller gave up meanwhile. A grant that
// came as a queue's time ran out wakes too late, by a ring or at the timer: that must not end another wait.
template <class Timer>
net::awaitable<bool> wait(race<Timer>& heat, const fusebox::detail::command c) {
    for (bool over = false;;) {
        const auto state = co_await net::this_coro::cancellation_state;
        if (state.cancelled() != net::cancellation_type::none) co_return true;
        if (heat.take_ring() && c.kind == fusebox::detail::command::queue) over = true;
        if (over) co_return false;
        over = co_await expire(heat, c.until);
    }
}

// Drives `walk` to its end, with `invoke()`, which gives an awaitable<cancel_cause>, for the operation.
template <class Walk, class Timer, class Invoke>
net::awaitable<void> drive(Walk& walk, race<Timer>& heat, Invoke& invoke) {
    using fusebox::detail::command;
    command c = walk.start();
    while (c.kind != command::done) {
        if (c.kind == command::invoke) {
            auto running = invoke();
            const cancel_cause cause = co_await std::move(running);
            c = walk.ended(cause);
        } else {
            const bool given_up = co_await wait(heat, c);
            c = given_up ? walk.interrupt() : walk.resume();
        }
    }
}

// Invokes an operation, under the deadline of the call's context if there is one.
template <class Timer, class F, class Slot>
net::awaitable<cancel_cause> invoke_operation(std::shared_ptr<race<Timer>> heat, F& operation, Slot& slot,
                                              const call_context& context, const bool& lost) {
    auto attempt = fill(operation, slot, context);
    if (context.deadline() != time_point::max()) {
        auto raced = against_clock(std::move(heat), std::move(attempt), context.deadline(), lost);
        co_return co_await std::move(raced);
    }
    co_await std::move(attempt);
    const auto state = co_await net::this_coro::cancellation_state;
    if (state.cancelled() == net::cancellation_type::none) co_return cancel_cause::none;
    co_return lost ? cancel_cause::hedge_lost : cancel_cause::caller;
}

}  // namespace fusebox::asio::detail
