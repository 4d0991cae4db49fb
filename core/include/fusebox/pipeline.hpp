// Policies in a row around an operation: order written is order nested, the first is the outermost.
//
//   fusebox::retry again{{.max_attempts = 3}};
//   fusebox::pipeline calls{fusebox::timeout{10s}, again, breaker, bulkhead, fusebox::timeout{3s}};
//   auto order = calls.call([&](const call_context& c) { return fetch(id, c.deadline()); });
//
// A policy that is named (an lvalue, or a shared_ptr) is shared with whoever else uses it, and must
// outlive the pipeline; a temporary is kept inside. There are no virtual calls and, on the happy path,
// no allocations. Orders that undo a policy's work do not compile (see composition.hpp).
//
// With a hedge among them, what is further in runs in threads of its own, on copies of the operation; the
// destructor waits for those that have lost and not ended yet. At most one hedge.
//
// Thread-safety: call() may be called from any number of threads at once.
#pragma once

#include <fusebox/blocking.hpp>
#include <fusebox/composition.hpp>
#include <fusebox/detail/hedged.hpp>
#include <fusebox/detail/layer.hpp>
#include <fusebox/pipeline_event.hpp>

#include <memory>
#include <stop_token>
#include <tuple>
#include <utility>

namespace fusebox {

namespace detail {

// How a pipeline keeps a policy: by reference, by shared ownership, or by value.
template <class P>
struct holder {
    P value;
    auto& get() noexcept { return value; }
};
template <class P>
struct holder<P&> {
    P* value;
    explicit holder(P& p) noexcept : value(&p) {}
    P& get() noexcept { return *value; }
};
template <class P>
struct holder<std::shared_ptr<P>> {
    std::shared_ptr<P> value;
    P& get() noexcept { return *value; }
};
template <class P>
struct holder<std::shared_ptr<P>&> : holder<std::shared_ptr<P>> {
    explicit holder(const std::shared_ptr<P>& p) : holder<std::shared_ptr<P>>{p} {}
};
// What the drivers need of a pipeline.
struct pipeline_access {
    template <class Pipeline>
    static typename Pipeline::policies policies(Pipeline& p) noexcept {
        return p.references(std::make_index_sequence<std::tuple_size_v<typename Pipeline::policies>>{});
    }
    template <class Pipeline>
    static const pipeline_listener* listener(const Pipeline& p) noexcept {
        return p.listener_ ? &p.listener_ : nullptr;
    }
};

// The number of the hedge among the policies, or how many they are.
template <class... P>
constexpr std::size_t hedge_position() {
    const bool is_hedge[] = {std::is_same_v<P, hedge>..., true};
    std::size_t i = 0;
    while (!is_hedge[i]) ++i;
    return i;
}

// The budget of a retry among the first `Last` policies, or null.
template <std::size_t Last, class Policies>
const retry_budget* outer_budget(Policies& policies) {
    const retry_budget* found = nullptr;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        [[maybe_unused]] const auto look = [&](auto& policy) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(policy)>, retry>) found = policy.budget().get();
        };
        (look(std::get<I>(policies)), ...);
    }(std::make_index_sequence<Last>{});
    return found;
}

template <class P>
using held_policy = std::remove_reference_t<decltype(std::declval<holder<P>&>().get())>;

}  // namespace detail

// What one call may bring along.
struct call_options {
    std::stop_token stop{};                   // the caller gives up
    time_point deadline = time_point::max();  // the caller's own, in the clock of the runtime
};

template <class... Held>
class pipeline {
    static_assert(composition::check<detail::held_policy<Held>...>());
    static_assert((std::size_t{std::is_same_v<detail::held_policy<Held>, hedge>} + ... + 0) <= 1,
                  "two hedges in one pipeline: put one into a pipeline of its own");

public:
    using policies = std::tuple<detail::held_policy<Held>&...>;  // outermost first
    static constexpr std::size_t size = sizeof...(Held);
    static constexpr std::size_t hedged_at =
        detail::hedge_position<detail::held_policy<Held>...>();  // size: not at all

    explicit pipeline(Held&&... policy) : held_(detail::holder<Held>{std::forward<Held>(policy)}...) {}

    // Tells `listener` what happens to each call; costs nothing while there is none. Not thread-safe:
    // set it before the first call.
    void observe(pipeline_listener listener) { listener_ = std::move(listener); }

    // The runtime by which blocking calls wait and know the time; the system's unless told otherwise.
    // Set it before the first call; it must outlive the pipeline.
    void use(blocking_runtime& runtime) noexcept { runtime_ = &runtime; }

    // Calls `operation` (with a call_context, if it takes one) through the policies, in this thread.
    // Returns expected<T, rejection> for an operation that returns T, expected<T, call_error<E>> for one
    // that returns expected<T, E>. What it throws at last is thrown. `classify` tells failure from
    // success, as for circuit_breaker::call.
    template <class F, class Classifier = default_classifier>
    auto call(F&& operation, Classifier classify = {}, const call_options& options = {})
        -> detail::call_result_t<detail::operation_result_t<F>> {
        using slot_type = detail::slot<detail::operation_result_t<F>, Classifier>;
        detail::walk_state state{call_context{options.stop, options.deadline}, detail::step_time{runtime_->clock()},
                                 nullptr, detail::pipeline_access::listener(*this)};
        slot_type slot{classify};
        policies all = detail::pipeline_access::policies(*this);
        detail::walk<policies, slot_type, 0, hedged_at> walk{all, slot, state};
        detail::drive_blocking(walk, state, *runtime_, [&] {
            if constexpr (hedged_at == size) {
                slot.fill([&]() -> decltype(auto) { return detail::invoke_operation(operation, state.context); });
                return options.stop.stop_requested() ? cancel_cause::caller : cancel_cause::none;
            } else {
                using race = detail::blocking_race<policies, hedged_at, slot_type, std::decay_t<F>, Classifier>;
                return std::make_shared<race>(all, operation, classify, state, *runtime_, late_)
                    ->run(slot, options.stop, detail::outer_budget<hedged_at>(all));
            }
        });
        state.tell({.kind = pipeline_event_kind::call_ended,
                    .outcome = slot.succeeded() ? verdict::success : verdict::failure});
        return slot.take();
    }

private:
    friend struct detail::pipeline_access;

    template <std::size_t... I>
    policies references(std::index_sequence<I...>) noexcept {
        return policies{std::get<I>(held_).get()...};
    }

    std::tuple<detail::holder<Held>...> held_;
    pipeline_listener listener_;
    blocking_runtime* runtime_ = &system_runtime();
    struct nobody {};
    [[no_unique_address]] std::conditional_t<hedged_at == size, nobody, detail::stragglers> late_;
};

template <class... P>
pipeline(P&&...) -> pipeline<P...>;

}  // namespace fusebox
