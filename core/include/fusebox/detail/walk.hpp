// The way of a call through a pipeline, as a pure machine: the driver tells it what happened, it tells
// the driver what to do. Blocking and coroutine drivers run the same machine, and so agree.
//
//   start() ─► invoke ─► ended() ─► done            the happy path
//              sleep  ─► resume()                   a backoff, a rate limiter's delay
//              queue  ─► resume()                   a bulkhead's queue: until granted, or until `until`
//
// Inward, each layer may let the call pass, hold it, or refuse; outward, each layer hears how the
// attempt ended, and may begin another. One walk serves one call and one thread at a time.
//
// The happy path is inlined as a whole, so that what the layers tell each other stays in registers; what
// waits or is refused is kept out of it.
#pragma once

#include <fusebox/call_context.hpp>
#include <fusebox/detail/fault.hpp>
#include <fusebox/detail/slot.hpp>
#include <fusebox/pipeline_event.hpp>
#include <fusebox/policy.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

namespace fusebox::detail {

struct command {
    enum kind_type : unsigned char { invoke, sleep, queue, done } kind = done;
    time_point until{};
};

// What a layer says to a call that wants in.
struct gate {
    enum kind_type : unsigned char { pass, refused, sleep, queue, fault } kind = pass;
    rejection answer{};
    time_point until{};
};

// What a layer says to an attempt that ended.
struct turn {
    enum kind_type : unsigned char { outward, again } kind = outward;
    time_point until{};  // of again: when
};

// The present, read when somebody wants it, and at most once a step. `coarse` where a few milliseconds
// do not matter, `exact` where they do.
class step_time {
public:
    explicit step_time(const monotonic_clock* clock) noexcept : clock_(clock) {}
    time_point coarse() noexcept {
        if (coarse_ == time_point{}) coarse_ = clock_ ? clock_->coarse_now() : coarse_now();
        return coarse_;
    }
    // Cheap, and never before the present: for deadlines.
    time_point coarse_not_early() noexcept { return coarse() + (clock_ ? clock_->coarse_lag() : coarse_lag()); }
    time_point exact() noexcept {
        if (exact_ == time_point{}) exact_ = clock_ ? clock_->now() : steady_now();
        return exact_;
    }
    // Whatever was read already, or else coarse.
    time_point known() noexcept { return exact_ != time_point{} ? exact_ : coarse(); }
    void next_step() noexcept { coarse_ = exact_ = {}; }

private:
    const monotonic_clock* clock_;
    time_point coarse_{};
    time_point exact_{};
};

// The driver's hook by which a queue's grant wakes it. wake() may come from any thread, once per grant.
class waker {
public:
    virtual void wake() noexcept = 0;

protected:
    ~waker() = default;
};

// What all layers of a walk share.
struct walk_state {
    call_context context;
    step_time time;
    waker* wake = nullptr;
    const pipeline_listener* listener = nullptr;

    // Asked before an event is made, where every call comes along.
    bool is_observed() const noexcept { return listener != nullptr; }

    void tell(pipeline_event e) const noexcept {
        if (listener == nullptr) return;
        e.attempt = context.attempt();
        try {
            (*listener)(e);
        } catch (...) {  // an observer must not change what it observes
        }
    }
};

// The per-call part of policy `P`; specialised in layer.hpp. All have
//   gate enter(P&, walk_state&)                      a call wants in
//   gate resumed(P&, walk_state&)                    the wait that enter() or leave() asked for is over,
//                                                    by a grant or by time: decide anew
//   bool interrupted(P&, walk_state&)                the wait was cut short; nothing may be left behind. True
//                                                    when an earlier attempt has left an outcome in the slot
//   turn leave(P&, walk_state&, slot&, ending&)      an attempt of what is further in ended
// and a layer that may answer gate::fault has
//   void inject(P&, slot&)                           puts something in the place of the operation's outcome
template <class P>
class layer;

template <class Layer, class P, class Slot>
concept injecting_layer = requires(Layer& layer, P& policy, Slot& slot) { layer.inject(policy, slot); };

// What is the same in every walk, however it keeps its layers: positions are those in the pipeline.
template <class Slot>
class walk_base {
public:
    // How the call ended, once it is done.
    const ending& last() const noexcept { return last_; }

protected:
    walk_base(Slot& slot, walk_state& state) noexcept : slot_(slot), state_(state) {}

    [[gnu::always_inline]] command begun() {
        if (state_.is_observed()) [[unlikely]]
            state_.tell({.kind = pipeline_event_kind::attempt_started});
        return {command::invoke, {}};
    }

    // Why the operation must not begin any more; `before` is what its driver knows of.
    [[gnu::always_inline]] cancel_cause over(cancel_cause before = cancel_cause::none) {
        if (before != cancel_cause::none) return before;
        if (state_.context.stop_requested()) return cancel_cause::caller;
        return is_late() ? cancel_cause::deadline : cancel_cause::none;
    }

    // The operation never begins, for this cause.
    [[gnu::noinline, gnu::cold]] ending unmade(cancel_cause why) {
        slot_.refuse(*answer_to(why, false));
        return {verdict::ignored, true, is_given_up(why)};
    }

    // The operation ended, with its outcome in the slot.
    [[gnu::always_inline]] ending judged(cancel_cause cause) {
        if (cause == cancel_cause::hedge_lost) return {verdict::ignored};
        if (cause == cancel_cause::none && is_late()) cause = cancel_cause::deadline;
        if (cause != cancel_cause::none) [[unlikely]]
            slot_.refuse(*answer_to(cause, true));
        ending e = slot_.judge();
        if (is_given_up(cause)) [[unlikely]]
            e = {verdict::ignored, false, true};
        if (state_.is_observed()) [[unlikely]]
            state_.tell({.kind = pipeline_event_kind::attempt_ended, .outcome = e.how.outcome});
        return e;
    }

    // A layer refused the call.
    ending refused(std::size_t position, const rejection& answer) {
        slot_.refuse(answer);
        state_.tell({.kind = pipeline_event_kind::call_refused,
                     .position = static_cast<std::uint32_t>(position),
                     .answer = answer.code});
        return slot_.judge();
    }

    // A layer wants the call to wait: gate::sleep, or gate::queue.
    command waits(std::size_t position, const gate& g) {
        const bool sleeps = g.kind == gate::sleep;
        state_.tell({.kind = sleeps ? pipeline_event_kind::call_delayed : pipeline_event_kind::call_queued,
                     .position = static_cast<std::uint32_t>(position),
                     .until = sleeps ? g.until : time_point{}});
        waiting_ = position;
        return {sleeps ? command::sleep : command::queue, g.until};
    }

    // A layer wants another attempt.
    command sleeps(std::size_t position, const turn& t) {
        waiting_ = position;
        return {command::sleep, t.until};
    }

    // The caller cut a wait short. A retry that was in its backoff keeps the last outcome; a call that was
    // cut short before it had one was cancelled.
    ending cut_short(bool has_outcome) {
        if (!has_outcome) return unmade(cancel_cause::caller);
        return {verdict::ignored, false, true};
    }

    command done(const ending& e) {
        last_ = e;
        return {command::done, {}};
    }

    Slot& slot_;
    walk_state& state_;
    std::size_t waiting_ = 0;

private:
    bool is_late() {
        const time_point deadline = state_.context.deadline();
        return deadline != time_point::max() && state_.time.known() >= deadline;
    }

    ending last_{};
};

// A walk over policies First … Last-1 of the tuple `Policies` of references.
template <class Policies, class Slot, std::size_t First, std::size_t Last>
class walk : public walk_base<Slot> {
    using base = walk_base<Slot>;
    using base::slot_, base::state_, base::waiting_;

public:
    walk(Policies& policies, Slot& slot, walk_state& state) : base(slot, state), policies_(policies) {}

    // The call begins; one that is over already comes to no policy. `before`: why, as far as the driver knows.
    [[gnu::always_inline]] command start(cancel_cause before = cancel_cause::none) {
        if (const cancel_cause why = base::over(before); why != cancel_cause::none) [[unlikely]]
            return base::done(base::unmade(why));
        return inward<First>();
    }

    // The operation ended, with its outcome in the slot. `cause` says whether it was cancelled, and why.
    [[gnu::always_inline]] command ended(cancel_cause cause) {
        state_.time.next_step();
        return outward<Last>(base::judged(cause));
    }

    // The wait is over: granted, or its time came.
    command resume() {
        state_.time.next_step();
        return at<First>([this]<std::size_t I>() { return passed<I>(own<I>().resumed(policy<I>(), state_)); });
    }

    // The wait was cut short by the caller.
    command interrupt() {
        state_.time.next_step();
        return at<First>(
            [this]<std::size_t I>() { return outward<I>(base::cut_short(own<I>().interrupted(policy<I>(), state_))); });
    }

private:
    template <std::size_t I>
    auto& policy() {
        return std::get<I>(policies_);
    }
    template <std::size_t I>
    auto& own() {
        return std::get<I - First>(layers_);
    }

    template <std::size_t I>
    [[gnu::always_inline]] command inward() {
        if constexpr (I == Last) {
            if (const cancel_cause why = base::over(); why != cancel_cause::none) [[unlikely]]
                return outward<Last>(base::unmade(why));
            return base::begun();
        } else return passed<I>(own<I>().enter(policy<I>(), state_));
    }

    template <std::size_t I>
    [[gnu::always_inline]] command passed(gate g) {
        if (g.kind == gate::pass) [[likely]]
            return inward<I + 1>();
        return held<I>(g);
    }

    template <std::size_t I>
    [[gnu::noinline, gnu::cold]] command held(gate g) {
        if (g.kind == gate::refused) return outward<I>(base::refused(I, g.answer));
        if constexpr (injecting_layer<decltype(own<I>()), decltype(policy<I>()), Slot>) {
            if (g.kind == gate::fault) {  // put in by the layer, which hears of it as of any other failure
                own<I>().inject(policy<I>(), slot_);
                return outward<I + 1>(slot_.judge());
            }
        }
        return base::waits(I, g);
    }

    template <std::size_t I>
    [[gnu::always_inline]] command outward(ending e) {
        if constexpr (I == First) {
            return base::done(e);
        } else {
            const turn t = own<I - 1>().leave(policy<I - 1>(), state_, slot_, e);
            if (t.kind == turn::outward) [[likely]]
                return outward<I - 1>(e);
            return base::sleeps(I - 1, t);
        }
    }

    template <std::size_t I, class Then>
    command at(Then then) {
        if constexpr (I == Last) return {};
        else return waiting_ == I ? then.template operator()<I>() : at<I + 1>(then);
    }

    template <class Indices>
    struct layers_of;
    template <std::size_t... I>
    struct layers_of<std::index_sequence<I...>> {
        using type = std::tuple<layer<std::remove_reference_t<std::tuple_element_t<First + I, Policies>>>...>;
    };

    Policies& policies_;
    typename layers_of<std::make_index_sequence<Last - First>>::type layers_{};
};

}  // namespace fusebox::detail
