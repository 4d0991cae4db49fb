// The policies of a pipeline as a driver uses them: something that makes walks.
//
// Without a hedge there is one walk for a call, over all policies. With one, the outer walk is over those
// outside it, and each attempt has an inner walk over those inside. Besides `chain`, whose policies are known
// when it is compiled, there is dynamic_chain (dynamic_walk.hpp); drivers cannot tell them apart.
#pragma once

#include <fusebox/detail/layer.hpp>
#include <fusebox/detail/walk.hpp>
#include <fusebox/hedge.hpp>
#include <fusebox/retry.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace fusebox::detail {

// `Policies` is a tuple of references. Walks refer to the chain that made them.
template <class Policies>
class chain {
public:
    static constexpr std::size_t size = std::tuple_size_v<Policies>;
    // The number of the hedge among the policies, or how many they are.
    static constexpr std::size_t hedge_position = []<std::size_t... I>(std::index_sequence<I...>) {
        const bool is_hedge[] = {std::is_same_v<std::tuple_element_t<I, Policies>, hedge&>..., true};
        std::size_t i = 0;
        while (!is_hedge[i]) ++i;
        return i;
    }(std::make_index_sequence<size>{});
    static constexpr bool may_hedge = hedge_position < size;

    explicit chain(Policies policies) noexcept : policies_(policies) {}

    static constexpr bool hedged() noexcept { return may_hedge; }
    hedge& the_hedge() noexcept { return std::get<hedge_position>(policies_); }

    // The budget of a retry around the hedge, or null.
    const retry_budget* outer_budget() noexcept {
        const retry_budget* found = nullptr;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            [[maybe_unused]] const auto look = [&](auto& policy) {
                if constexpr (std::is_same_v<std::remove_cvref_t<decltype(policy)>, retry>)
                    found = policy.budget().get();
            };
            (look(std::get<I>(policies_)), ...);
        }(std::make_index_sequence<hedge_position>{});
        return found;
    }

    template <class Slot>
    walk<Policies, Slot, 0, hedge_position> outer(Slot& slot, walk_state& state) {
        return {policies_, slot, state};
    }
    template <class Slot>
    walk<Policies, Slot, hedge_position + 1, size> inner(Slot& slot, walk_state& state) {
        return {policies_, slot, state};
    }

private:
    Policies policies_;
};

}  // namespace fusebox::detail
