// A pipeline whose policies are chosen at run time, by a configuration: the same results and events as a
// pipeline of the same policies, and the same drivers.
//
//   auto made = fusebox::dynamic_pipeline::make({timeout_options::total(), retry_options{},
//                                                circuit_breaker_spec{"orders", presets::internal_service()},
//                                                bulkhead_options{}, timeout_options::per_try()});
//   if (!made) for (const auto& e : made.error()) log(e.message());   // all of them, each with its place
//   auto order = made->call([&](const call_context& c) { return fetch(id, c.deadline()); });
//   made->find<circuit_breaker>()->force_open();
//
// A fallback has the type of its operation, and so has no place here. Put the call into a pipeline that has
// one, and hand its context on:
//   pipeline p{fallback{…}};
//   p.call([&](const call_context& c) { return made->call(fetch, {}, {c.stop(), c.deadline()}); });
//
// With a hedge, what a blocking call captures by reference must outlive the pipeline, not just the call:
// attempts that have lost end in threads of their own. The destructor waits for them.
//
// Cost: a jump for each policy on the way in and out. A call allocates nothing with up to eight policies
// (opt-outs included), and once with more.
//
// Thread-safety: call() may be called from any number of threads at once. Movable while no call is under
// way; attempts that have lost and still run do not mind.
#pragma once

#include <fusebox/blocking.hpp>
#include <fusebox/detail/blocking_call.hpp>
#include <fusebox/detail/dynamic_walk.hpp>
#include <fusebox/pipeline_event.hpp>

#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace fusebox {

namespace detail {
struct pipeline_access;
}

struct circuit_breaker_spec {
    std::string name;
    circuit_breaker_options options{};
};
struct fixed_window_options : rate_window_options {};    // for a fixed_window
struct sliding_window_options : rate_window_options {};  // for a sliding_window

// A policy to be: its options; or a live one, to be shared with others.
using policy_spec =
    std::variant<timeout_options, retry_options, hedge_options, circuit_breaker_spec, bulkhead_options,
                 token_bucket_options, fixed_window_options, sliding_window_options, adaptive_limiter_options,
                 throttler_options, chaos_options, std::shared_ptr<timeout>, std::shared_ptr<retry>,
                 std::shared_ptr<hedge>, std::shared_ptr<circuit_breaker>, std::shared_ptr<circuit_node>,
                 std::shared_ptr<bulkhead>, std::shared_ptr<token_bucket>, std::shared_ptr<fixed_window>,
                 std::shared_ptr<sliding_window>, std::shared_ptr<adaptive_limiter>, std::shared_ptr<throttler>,
                 std::shared_ptr<chaos>, allow_retry_inside_breaker, allow_unbounded_tries>;

// "circuit_breaker", "token_bucket", …: as the type is called.
std::string_view name_of_kind(const pipeline_part& part) noexcept;

class dynamic_pipeline {
public:
    // Everything wrong with such a row: with its options, and with its order by the rules of composition.hpp. Empty
    // when make() takes it.
    static std::vector<config_error> validate(const std::vector<policy_spec>& policies);
    // Makes the policies, outermost first, and checks their order by the rules of composition.hpp. Otherwise
    // everything that is wrong, with its place: "policies[2].circuit_breaker.minimum_calls = 0: must be …".
    // Breakers and chaos that are made here live by `time`, which must outlive them; null is the system's clock.
    static std::expected<dynamic_pipeline, std::vector<config_error>> make(std::vector<policy_spec> policies,
                                                                           const monotonic_clock* time = nullptr);

    dynamic_pipeline(dynamic_pipeline&&) noexcept = default;
    dynamic_pipeline& operator=(dynamic_pipeline&&) = delete;
    ~dynamic_pipeline() = default;

    // As in pipeline.
    void observe(pipeline_listener listener) {
        listener_ = listener ? std::make_unique<const pipeline_listener>(std::move(listener)) : nullptr;
    }
    void use(blocking_runtime& runtime) noexcept { runtime_ = &runtime; }

    // As pipeline::call. `operation` must be copyable, since there may be a hedge.
    template <class F, class Classifier = default_classifier>
    auto call(F&& operation, Classifier classify = {}, const call_options& options = {})
        -> detail::call_result_t<detail::operation_result_t<F>> {
        static_assert(std::is_copy_constructible_v<std::remove_cvref_t<F>>,
                      "a dynamic_pipeline may hold a hedge, which makes copies of the operation");
        return detail::call_blocking(chain(), operation, classify, options, *runtime_, listener(), late_.get());
    }

    // The policies, outermost first: the place of each is its `position` in events.
    std::span<const pipeline_part> parts() const noexcept { return parts_; }

    // The outermost policy of the type P, of that name if one is given; null when there is none.
    template <class P>
    std::shared_ptr<P> find() const {
        return find_if<P>([](const P&) { return true; });
    }
    template <class P>
    std::shared_ptr<P> find(std::string_view name) const {
        return find_if<P>([name](const P& policy) { return policy.name() == name; });
    }

private:
    friend struct detail::pipeline_access;

    explicit dynamic_pipeline(std::vector<pipeline_part> parts);

    template <class P, class Is>
    std::shared_ptr<P> find_if(Is is) const {
        for (const pipeline_part& part : parts_)
            if (const auto* policy = std::get_if<std::shared_ptr<P>>(&part); policy && is(**policy)) return *policy;
        return nullptr;
    }
    const pipeline_listener* listener() const noexcept { return listener_.get(); }
    detail::dynamic_chain chain() const noexcept { return {parts_, hedge_position_}; }

    std::vector<pipeline_part> parts_;
    std::size_t hedge_position_;
    std::unique_ptr<const pipeline_listener> listener_;  // stays where it is when the pipeline is moved
    blocking_runtime* runtime_ = &system_runtime();
    std::unique_ptr<detail::stragglers> late_;  // with a hedge. Last: waited for while the policies are there
};

}  // namespace fusebox
