// A blocking call through a chain of policies: what pipeline::call and dynamic_pipeline::call do.
#pragma once

#include <fusebox/blocking.hpp>
#include <fusebox/detail/hedged.hpp>
#include <fusebox/detail/slot.hpp>

#include <memory>
#include <type_traits>

namespace fusebox::detail {

// `late` outlives the policies' use by losers of a race; looked at only if the chain has a hedge.
template <class Chain, class F, class Classifier>
auto call_blocking(Chain policies, F& operation, Classifier& classify, const call_options& options,
                   blocking_runtime& runtime, const pipeline_listener* listener, [[maybe_unused]] stragglers* late)
    -> call_result_t<operation_result_t<F>> {
    using slot_type = slot<operation_result_t<F>, Classifier>;
    walk_state state{call_context{options.stop, options.deadline}, step_time{runtime.clock()}, nullptr, listener};
    slot_type slot{classify};
    const hang_up caller{options.stop, runtime.clock()};
    auto walk = policies.outer(slot, state);
    drive_blocking(walk, state, runtime, [&] {
        if constexpr (Chain::may_hedge) {
            if (policies.hedged()) {
                using race = blocking_race<Chain, slot_type, std::remove_cvref_t<F>, Classifier>;
                const cancel_cause cause = std::make_shared<race>(policies, operation, classify, state, runtime, *late)
                                               ->run(slot, options.stop);
                return cause == cancel_cause::none ? cause : caller.cause(state.context.deadline(), cause);
            }
        }
        slot.fill([&]() -> decltype(auto) { return invoke_operation(operation, state.context); });
        return caller.cause(state.context.deadline());
    });
    if (state.is_observed()) [[unlikely]]
        state.tell({.kind = pipeline_event_kind::call_ended,
                    .outcome = slot.succeeded() ? verdict::success : verdict::failure});
    return slot.take();
}

}  // namespace fusebox::detail
