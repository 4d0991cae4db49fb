// The coroutine driver's loop around a walk; the twin of drive_blocking in fusebox/blocking.hpp.
#pragma once

#include <fusebox/asio/detail/race.hpp>
#include <fusebox/detail/slot.hpp>
#include <fusebox/detail/walk.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <memory>
#include <optional>
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

// Runs the operation once, and puts what comes of it into the slot. It hears of a cancellation at each of its awaits,
// as a coroutine of its own would.
template <class F, class Slot>
net::awaitable<void> fill(F& operation, Slot& slot, const call_context& context) {
    std::exception_ptr thrown;
    co_await net::this_coro::throw_if_cancelled(true);
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
    co_await net::this_coro::throw_if_cancelled(false);
    if (thrown) slot.fail(std::move(thrown));
}

// Runs the operation once, and gives its result in a box.
template <class F, class T = awaited_t<F>>
net::awaitable<std::optional<T>> boxed(F& operation, const call_context& context) {
    auto running = fusebox::detail::invoke_operation(operation, context);
    auto value = co_await std::move(running);
    co_return std::optional<T>(std::move(value));
}

// Hears of the end of an operation that is a coroutine of its own: puts what came of it into the slot, and tells the
// race. Whoever awaits the race's end keeps the slot.
template <class Timer, class Slot>
struct attempt_end {
    void operator()(std::exception_ptr thrown) const {
        if (thrown) slot.fail(std::move(thrown));
        else slot.fill([] {});
        heat->end();
    }
    template <class Value>
    void operator()(std::exception_ptr thrown, Value value) const {
        if (thrown) slot.fail(std::move(thrown));
        else if constexpr (std::is_same_v<Value, typename Slot::raw_type>)
            slot.fill([&]() -> Value&& { return std::move(value); });
        else slot.fill([&]() -> decltype(auto) { return *std::move(value); });
        heat->end();
    }

    std::shared_ptr<race<Timer>> heat;
    Slot& slot;
};

// Starts the operation as a coroutine of its own, so that the race can cancel it. Beside an exception Asio gives a
// result of no arguments; what cannot be made of none comes in a box.
template <class Timer, class F, class Slot>
void launch(const std::shared_ptr<race<Timer>>& heat, F& operation, Slot& slot, const call_context& context) {
    using raw = typename Slot::raw_type;
    auto at_end = net::bind_cancellation_slot(heat->begin(), attempt_end<Timer, Slot>{heat, slot});
    const auto run = [&operation, &context] {
        if constexpr (std::is_void_v<raw> || std::is_nothrow_default_constructible_v<raw>)
            return fusebox::detail::invoke_operation(operation, context);
        else return boxed(operation, context);
    };
    net::co_spawn(heat->executor(), run, std::move(at_end));
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
        auto waiting = heat.wait_until(c.until);
        const auto [interrupted] = co_await std::move(waiting);
        over = !interrupted;
    }
}

// Drives `walk` to its end, with `invoke()`, which gives an awaitable<cancel_cause>, for the operation.
template <class Walk, class Timer, class Invoke>
net::awaitable<void> drive(Walk& walk, race<Timer>& heat, Invoke& invoke) {
    using fusebox::detail::command;
    const auto state = co_await net::this_coro::cancellation_state;
    const bool is_cancelled = state.cancelled() != net::cancellation_type::none;
    command c = walk.start(is_cancelled ? cancel_cause::caller : cancel_cause::none);
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
    if (context.deadline() == time_point::max()) {
        auto attempt = fill(operation, slot, context);
        co_await std::move(attempt);
        const auto state = co_await net::this_coro::cancellation_state;
        if (state.cancelled() == net::cancellation_type::none) co_return cancel_cause::none;
        co_return lost ? cancel_cause::hedge_lost : cancel_cause::caller;
    }
    launch(heat, operation, slot, context);
    while (!heat->ended()) {
        auto waiting = heat->wait_for_end(context.deadline());
        const auto [interrupted] = co_await std::move(waiting);
        const auto state = co_await net::this_coro::cancellation_state;
        heat->look(!interrupted, state.cancelled() != net::cancellation_type::none,
                   lost ? cancel_cause::hedge_lost : cancel_cause::caller);
    }
    co_return heat->cause();
}

}  // namespace fusebox::asio::detail
