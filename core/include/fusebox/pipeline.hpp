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
#include <fusebox/detail/blocking_call.hpp>
#include <fusebox/detail/chain.hpp>
#include <fusebox/detail/layer.hpp>
#include <fusebox/pipeline_event.hpp>

#include <memory>
#include <tuple>
#include <type_traits>
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
// What the drivers need of a pipeline, whichever form it has.
struct pipeline_access {
    template <class Pipeline>
    static auto policies(Pipeline& p) noexcept {
        return p.chain();
    }
    template <class Pipeline>
    static const pipeline_listener* listener(const Pipeline& p) noexcept {
        return p.listener();
    }
};

template <class P>
using held_policy = std::remove_reference_t<decltype(std::declval<holder<P>&>().get())>;

}  // namespace detail

template <class... Held>
class pipeline {
    static_assert(composition::check<detail::held_policy<Held>...>());
    static_assert((std::size_t{std::is_same_v<detail::held_policy<Held>, hedge>} + ... + 0) <= 1,
                  "two hedges in one pipeline: put one into a pipeline of its own");

    using chain_type = detail::chain<std::tuple<detail::held_policy<Held>&...>>;  // outermost first

public:
    static constexpr std::size_t size = sizeof...(Held);

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
        detail::stragglers* late = nullptr;
        if constexpr (chain_type::may_hedge) late = &late_;
        return detail::call_blocking(chain(), operation, classify, options, *runtime_,
                                     detail::pipeline_access::listener(*this), late);
    }

private:
    friend struct detail::pipeline_access;

    const pipeline_listener* listener() const noexcept { return listener_ ? &listener_ : nullptr; }
    chain_type chain() noexcept {
        return std::apply([](auto&... held) { return chain_type{{held.get()...}}; }, held_);
    }

    std::tuple<detail::holder<Held>...> held_;
    pipeline_listener listener_;
    blocking_runtime* runtime_ = &system_runtime();
    struct nobody {};
    [[no_unique_address]] std::conditional_t<chain_type::may_hedge, detail::stragglers, nobody> late_;
};

template <class... P>
pipeline(P&&...) -> pipeline<P...>;

}  // namespace fusebox
