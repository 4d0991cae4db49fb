// The coroutine driver: runs an operation through a pipeline on Boost.Asio.
//
//   auto order = co_await fusebox::asio::execute(calls, fetch_order, id);
//
// The same machine as the blocking driver (fusebox/detail/walk.hpp), so the same outcomes; but what runs
// out of time is cancelled, and awaited: nothing of an operation goes on once execute() has returned.
// When the caller is cancelled, so is the operation, and the policies hear that it says nothing of the
// dependency. When the frame, or the executor, is destroyed, all permits are abandoned.
//
// Runs on the coroutine's executor, which must not run two handlers at once (one thread, or a strand).
// The pipeline must outlive the call.
#pragma once

#include <fusebox/asio/detail/race.hpp>
#include <fusebox/asio/runtime.hpp>
#include <fusebox/pipeline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <type_traits>
#include <utility>

namespace fusebox::asio {

namespace detail {

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

// The operation against its deadline: cancelled when that comes, or when the caller gives up; awaited in
// any case. The call's own coroutine waits at the timer, which the operation's end cancels.
template <class Timer, class F, class Slot>
net::awaitable<cancel_cause> run(std::shared_ptr<race<Timer>> heat, F& operation, Slot& slot,
                                 const call_context& context) {
    auto attempt = fill(operation, slot, context);
    if (context.deadline() == time_point::max()) {
        co_await std::move(attempt);
        const auto alone = co_await net::this_coro::cancellation_state;
        co_return alone.cancelled() == net::cancellation_type::none ? cancel_cause::none : cancel_cause::caller;
    }
    const auto executor = co_await net::this_coro::executor;
    auto at_end = [heat](std::exception_ptr) { heat->end(); };
    auto ended = net::bind_cancellation_slot(heat->begin(), std::move(at_end));
    net::co_spawn(executor, std::move(attempt), std::move(ended));
    while (!heat->ended()) {
        const time_point until = heat->cause() == cancel_cause::none ? context.deadline() : time_point::max();
        heat->timer().expires_at(typename Timer::time_point(until.time_since_epoch()));
        const auto token = net::as_tuple(net::use_awaitable);
        auto waited = heat->timer().async_wait(token);
        const auto [interrupted] = co_await std::move(waited);
        if (heat->ended()) break;
        const auto state = co_await net::this_coro::cancellation_state;
        if (state.cancelled() != net::cancellation_type::none) heat->cancel(cancel_cause::caller);
        else if (!interrupted) heat->cancel(cancel_cause::deadline);
    }
    co_return heat->cause();
}

// Waits for the instant or the grant; true when the caller gave up meanwhile.
template <class Timer>
net::awaitable<bool> wait(race<Timer>& heat, time_point until) {
    if (!heat.take_ring()) {
        heat.timer().expires_at(typename Timer::time_point(until.time_since_epoch()));
        const auto token = net::as_tuple(net::use_awaitable);
        auto waited = heat.timer().async_wait(token);
        co_await std::move(waited);
        heat.take_ring();
    }
    const auto state = co_await net::this_coro::cancellation_state;
    co_return state.cancelled() != net::cancellation_type::none;
}

}  // namespace detail

// Calls `operation` through the pipeline's policies. It returns awaitable<T> and takes a call_context or
// nothing; the result is typed as pipeline::call's: expected<T, rejection>, or expected<T, call_error<E>>
// for awaitable<expected<T, E>>. `operation` is kept in the coroutine's frame. `how` gives timer and clock.
template <class... Held, class F, class Classifier = default_classifier, class Runtime = runtime>
boost::asio::awaitable<fusebox::detail::call_result_t<detail::awaited_t<F>>> execute(pipeline<Held...>& calls,
                                                                                     F operation,
                                                                                     Classifier classify = {},
                                                                                     Runtime how = {}) {
    namespace net = boost::asio;
    using pipeline_type = pipeline<Held...>;
    using slot_type = fusebox::detail::slot<detail::awaited_t<F>, Classifier>;
    using fusebox::detail::command;
    const auto heat = detail::race<typename Runtime::timer_type>::make(co_await net::this_coro::executor);
    // A cancelled caller is told by the result, like any other: not by an exception at the next co_await.
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);

    typename pipeline_type::policies all = fusebox::detail::pipeline_access::policies(calls);
    fusebox::detail::walk_state state{call_context{}, fusebox::detail::step_time{how.clock}, heat.get(),
                                      fusebox::detail::pipeline_access::listener(calls)};
    slot_type slot{classify};
    fusebox::detail::walk<typename pipeline_type::policies, slot_type, 0, sizeof...(Held)> walk{all, slot, state};
    command c = walk.start();
    while (c.kind != command::done) {
        if (c.kind == command::invoke) {
            const cancel_cause cause = co_await detail::run(heat, operation, slot, state.context);
            c = walk.ended(cause);
        } else {
            const bool given_up = co_await detail::wait(*heat, c.until);
            c = given_up ? walk.interrupt() : walk.resume();
        }
    }
    state.tell(
        {.kind = pipeline_event_kind::call_ended, .outcome = slot.succeeded() ? verdict::success : verdict::failure});
    co_await net::this_coro::throw_if_cancelled(throws);
    co_return slot.take();
}

}  // namespace fusebox::asio
