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

#include <fusebox/asio/detail/drive.hpp>
#include <fusebox/asio/detail/hedged.hpp>
#include <fusebox/asio/runtime.hpp>
#include <fusebox/pipeline.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace fusebox::asio {

// Calls `operation` through the policies of `calls`, a pipeline or a dynamic_pipeline. It returns awaitable<T>
// and takes a call_context or nothing; the result is typed as pipeline::call's: expected<T, rejection>, or
// expected<T, call_error<E>> for awaitable<expected<T, E>>. `operation` is kept in the coroutine's frame.
// `how` gives timer and clock; `deadline` is the caller's own, in that clock.
template <class Pipeline, class F, class Classifier = default_classifier, class Runtime = runtime>
boost::asio::awaitable<fusebox::detail::call_result_t<detail::awaited_t<F>>> execute(
    Pipeline& calls, F operation, Classifier classify = Classifier(), Runtime how = Runtime(),
    time_point deadline = time_point::max()) {
    namespace net = boost::asio;
    using timer = typename Runtime::timer_type;
    using slot_type = fusebox::detail::slot<detail::awaited_t<F>, Classifier>;
    const auto heat = detail::race<timer>::make(co_await net::this_coro::executor);
    // A cancelled caller is told by the result, like any other: not by an exception at the next co_await.
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);

    auto policies = fusebox::detail::pipeline_access::policies(calls);
    using chain_type = decltype(policies);
    fusebox::detail::walk_state state{call_context{}, fusebox::detail::step_time{how.clock}, heat.get(),
                                      fusebox::detail::pipeline_access::listener(calls)};
    state.context.set_deadline(deadline);
    slot_type slot{classify};
    auto walk = policies.outer(slot, state);
    using race_type = detail::coroutine_race<chain_type, slot_type, F, Classifier, timer>;
    [[maybe_unused]] std::conditional_t<chain_type::may_hedge, std::optional<race_type>, std::nullopt_t> attempts{
        std::nullopt};
    // Written out here, and not as coroutines of its own, because each would need a frame: Asio keeps but two
    // for those that come after them.
    using fusebox::detail::command;
    const auto at_first = co_await net::this_coro::cancellation_state;
    const bool is_cancelled = at_first.cancelled() != net::cancellation_type::none;
    command c = walk.start(is_cancelled ? cancel_cause::caller : cancel_cause::none);
    while (c.kind != command::done) {
        if (c.kind != command::invoke) {
            const bool given_up = co_await detail::wait(*heat, c);
            c = given_up ? walk.interrupt() : walk.resume();
            continue;
        }
        cancel_cause cause = cancel_cause::none;
        if (policies.hedged()) {
            if constexpr (chain_type::may_hedge) {
                attempts.emplace(policies, operation, classify, state, heat, how.clock);
                auto race = attempts->run(slot);
                cause = co_await std::move(race);
            }
        } else if (state.context.deadline() != time_point::max()) {
            detail::launch(heat, operation, slot, state.context);
            while (!heat->ended()) {
                auto waiting = heat->wait_for_end(state.context.deadline());
                const auto [interrupted] = co_await std::move(waiting);
                const auto cancellation = co_await net::this_coro::cancellation_state;
                const bool given_up = cancellation.cancelled() != net::cancellation_type::none;
                heat->look(!interrupted, given_up, cancel_cause::caller);
            }
            cause = heat->cause();
        } else {
            std::exception_ptr thrown;
            co_await net::this_coro::throw_if_cancelled(true);  // it is to hear of a cancellation at each of its awaits
            try {
                auto running = fusebox::detail::invoke_operation(operation, state.context);
                if constexpr (std::is_void_v<typename slot_type::raw_type>) {
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
            const auto cancellation = co_await net::this_coro::cancellation_state;
            if (cancellation.cancelled() != net::cancellation_type::none) cause = cancel_cause::caller;
        }
        c = walk.ended(cause);
    }
    state.tell(
        {.kind = pipeline_event_kind::call_ended, .outcome = slot.succeeded() ? verdict::success : verdict::failure});
    co_await net::this_coro::throw_if_cancelled(throws);
    co_return slot.take();
}

}  // namespace fusebox::asio
