// The walk over policies that are known at run time only: twin of walk and chain, with the same layers.
#pragma once

#include <fusebox/adaptive_limiter.hpp>
#include <fusebox/bulkhead.hpp>
#include <fusebox/chaos.hpp>
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/circuit_hierarchy.hpp>
#include <fusebox/composition.hpp>
#include <fusebox/detail/layer.hpp>
#include <fusebox/detail/walk.hpp>
#include <fusebox/hedge.hpp>
#include <fusebox/rate_limiter.hpp>
#include <fusebox/retry.hpp>
#include <fusebox/throttler.hpp>
#include <fusebox/timeout.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

namespace fusebox {

// A policy in a dynamic_pipeline, never null; or an opt-out of a composition rule.
using pipeline_part =
    std::variant<std::shared_ptr<timeout>, std::shared_ptr<retry>, std::shared_ptr<hedge>,
                 std::shared_ptr<circuit_breaker>, std::shared_ptr<circuit_node>, std::shared_ptr<bulkhead>,
                 std::shared_ptr<token_bucket>, std::shared_ptr<fixed_window>, std::shared_ptr<sliding_window>,
                 std::shared_ptr<adaptive_limiter>, std::shared_ptr<throttler>, std::shared_ptr<chaos>,
                 allow_retry_inside_breaker, allow_unbounded_tries>;

namespace detail {

// The policy that an alternative of pipeline_part holds. All opt-outs of a kind are the same: they have no state.
template <class Held>
struct part_policy {
    using type = Held;
    static Held& in(const Held&) noexcept { return any_; }

private:
    inline static Held any_{};
};
template <class P>
struct part_policy<std::shared_ptr<P>> {
    using type = P;
    static P& in(const std::shared_ptr<P>& held) noexcept { return *held; }
};

// A place for the layer of any policy; empty until a call comes there.
template <class Part>
struct layer_place;
template <class... Held>
struct layer_place<std::variant<Held...>> {
    using type = std::variant<std::monostate, layer<typename part_policy<Held>::type>...>;
};

// The layers of one call. Allocates nothing for up to `near` parts, and once beyond.
class layer_row {
public:
    using place = layer_place<pipeline_part>::type;
    static constexpr std::size_t near = 8;

    explicit layer_row(std::size_t size) : far_(size > near ? std::make_unique<place[]>(size) : nullptr) {}
    place& operator[](std::size_t i) noexcept { return far_ ? far_[i] : near_[i]; }

private:
    std::array<place, near> near_{};
    std::unique_ptr<place[]> far_;
};

// A walk over parts first … last-1.
template <class Slot>
class dynamic_walk : public walk_base<Slot> {
    using base = walk_base<Slot>;
    using base::slot_, base::state_, base::waiting_;

public:
    dynamic_walk(std::span<const pipeline_part> parts, std::size_t first, std::size_t last, Slot& slot,
                 walk_state& state)
        : base(slot, state), parts_(parts), first_(first), last_(last), layers_(last - first) {}

    // As in walk.
    command start(cancel_cause before = cancel_cause::none) {
        if (const cancel_cause why = base::over(before); why != cancel_cause::none) [[unlikely]]
            return base::done(base::unmade(why));
        return inward(first_);
    }
    command ended(cancel_cause cause) {
        state_.time.next_step();
        return outward(last_, base::judged(cause));
    }
    // The outcome is in the slot, and settled, though the operation goes on: its breakers hear of it now, and nothing
    // at its end. The others wait for that.
    void tell_breakers() {
        ending e = slot_.judge();
        for (std::size_t i = last_; i != first_; --i) {
            if (!std::holds_alternative<std::shared_ptr<circuit_breaker>>(parts_[i - 1])) continue;
            at(i - 1, [&](auto& own, auto& policy) { (void)own.leave(policy, state_, slot_, e); });
        }
    }
    command resume() {
        state_.time.next_step();
        return passed(waiting_, at(waiting_, [this](auto& own, auto& policy) { return own.resumed(policy, state_); }));
    }
    command interrupt() {
        state_.time.next_step();
        const bool has_outcome =
            at(waiting_, [this](auto& own, auto& policy) { return own.interrupted(policy, state_); });
        return outward(waiting_, base::cut_short(has_outcome));
    }

private:
    // Calls act(layer, policy) with those at position `i`.
    template <class Act>
    auto at(std::size_t i, Act act) {
        return std::visit(
            [&]<class Held>(const Held& held) {
                using layer_type = layer<typename part_policy<Held>::type>;
                auto& place = layers_[i - first_];
                auto* own = std::get_if<layer_type>(&place);
                if (own == nullptr) own = &place.template emplace<layer_type>();
                return act(*own, part_policy<Held>::in(held));
            },
            parts_[i]);
    }

    command inward(std::size_t i) {
        for (; i != last_; ++i) {
            const gate g = at(i, [this](auto& own, auto& policy) { return own.enter(policy, state_); });
            if (g.kind != gate::pass) [[unlikely]]
                return held(i, g);
        }
        if (const cancel_cause why = base::over(); why != cancel_cause::none) [[unlikely]]
            return outward(last_, base::unmade(why));
        return base::begun();
    }

    command passed(std::size_t i, const gate& g) { return g.kind == gate::pass ? inward(i + 1) : held(i, g); }

    command held(std::size_t i, const gate& g) {
        if (g.kind == gate::refused) return outward(i, base::refused(i, g.answer));
        if (g.kind != gate::fault) return base::waits(i, g);
        at(i, [this]<class Layer, class P>(Layer& own, P& policy) {
            if constexpr (injecting_layer<Layer, P, Slot>) own.inject(policy, this->slot_);
        });
        return outward(i + 1, slot_.judge());
    }

    command outward(std::size_t i, ending e) {
        for (; i != first_; --i) {
            const turn t = at(i - 1, [&](auto& own, auto& policy) { return own.leave(policy, state_, slot_, e); });
            if (t.kind != turn::outward) return base::sleeps(i - 1, t);
        }
        return base::done(e);
    }

    const std::span<const pipeline_part> parts_;
    const std::size_t first_;
    const std::size_t last_;
    layer_row layers_;
};

// As chain (chain.hpp), over parts that outlive it. `hedge_position` is their number when there is none.
class dynamic_chain {
public:
    static constexpr bool may_hedge = true;

    dynamic_chain(std::span<const pipeline_part> parts, std::size_t hedge_at) noexcept
        : hedge_position(hedge_at), parts_(parts) {}

    const std::size_t hedge_position;
    bool hedged() const noexcept { return hedge_position != parts_.size(); }
    hedge& the_hedge() const { return *std::get<std::shared_ptr<hedge>>(parts_[hedge_position]); }

    const retry_budget* outer_budget() const noexcept {
        const retry_budget* found = nullptr;
        for (const pipeline_part& part : parts_.first(hedge_position))
            if (const auto* again = std::get_if<std::shared_ptr<retry>>(&part)) found = (*again)->budget().get();
        return found;
    }

    template <class Slot>
    dynamic_walk<Slot> outer(Slot& slot, walk_state& state) const {
        return {parts_, 0, hedge_position, slot, state};
    }
    template <class Slot>
    dynamic_walk<Slot> inner(Slot& slot, walk_state& state) const {
        return {parts_, hedge_position + 1, parts_.size(), slot, state};
    }

private:
    std::span<const pipeline_part> parts_;
};

}  // namespace detail

}  // namespace fusebox
