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

#include <optional>
#include <utility>

namespace fusebox::asio {

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
    using policies = typename pipeline_type::policies;
    using timer = typename Runtime::timer_type;
    using slot_type = fusebox::detail::slot<detail::awaited_t<F>, Classifier>;
    constexpr std::size_t hedged_at = pipeline_type::hedged_at;
    const auto heat = detail::race<timer>::make(co_await net::this_coro::executor);
    // A cancelled caller is told by the result, like any other: not by an exception at the next co_await.
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);

    policies all = fusebox::detail::pipeline_access::policies(calls);
    fusebox::detail::walk_state state{call_context{}, fusebox::detail::step_time{how.clock}, heat.get(),
                                      fusebox::detail::pipeline_access::listener(calls)};
    slot_type slot{classify};
    fusebox::detail::walk<policies, slot_type, 0, hedged_at> walk{all, slot, state};
    const bool never_lost = false;
    if constexpr (hedged_at == pipeline_type::size) {
        auto invoke = [&] { return detail::invoke_operation(heat, operation, slot, state.context, never_lost); };
        co_await detail::drive(walk, *heat, invoke);
    } else {
        using race_type = detail::coroutine_race<policies, hedged_at, slot_type, F, Classifier, timer>;
        std::optional<race_type> attempts;
        auto invoke = [&] {
            attempts.emplace(all, operation, classify, state, heat, how.clock);
            return attempts->run(slot, fusebox::detail::outer_budget<hedged_at>(all));
        };
        co_await detail::drive(walk, *heat, invoke);
    }
    state.tell(
        {.kind = pipeline_event_kind::call_ended, .outcome = slot.succeeded() ? verdict::success : verdict::failure});
    co_await net::this_coro::throw_if_cancelled(throws);
    co_return slot.take();
}

}  // namespace fusebox::asio
