// What each policy does for one call on its way in and out: the layers of walk.hpp, one per shape.
#pragma once

#include <fusebox/chaos.hpp>
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/composition.hpp>
#include <fusebox/detail/walk.hpp>
#include <fusebox/hedge.hpp>
#include <fusebox/retry.hpp>
#include <fusebox/timeout.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

namespace fusebox::composition {

template <>
inline constexpr policy_kind kind_of<circuit_breaker> = policy_kind::breaker;
template <>
inline constexpr policy_kind kind_of<retry> = policy_kind::retry;
template <>
inline constexpr policy_kind kind_of<hedge> = policy_kind::hedge;
template <>
inline constexpr policy_kind kind_of<timeout> = policy_kind::timeout;
template <fallback_policy F>
inline constexpr policy_kind kind_of<F> = policy_kind::fallback;

}  // namespace fusebox::composition

namespace fusebox::detail {

// A layer that never waits answers these two for the walk.
struct never_waits {
    template <class P>
    gate resumed(P&, walk_state&) {
        return {};
    }
    template <class P>
    bool interrupted(P&, walk_state&) {
        return false;
    }
};

// -- Guards ------------------------------------------------------------------------------------------

// A guard that measures how long calls take (the adaptive limiter); to the others a clock's ticks will do.
template <class G>
concept measures_calls = requires { requires G::needs_exact_time; };

// A permit is settled on every way out; if the walk is dropped instead, its destructor abandons it.
template <immediate_guard G>
    requires(!queueing_guard<G>)
class layer<G> : public never_waits {
public:
    [[gnu::always_inline]] gate enter(G& guard, walk_state& s) {
        auto answer = guard.enter(present(s));
        if (!answer) return {.kind = gate::refused, .answer = answer.error()};
        permit_.emplace(std::move(*answer));
        return {};
    }
    template <class Slot>
    [[gnu::always_inline]] turn leave(G&, walk_state& s, Slot&, ending& e) {
        permit_->settle(e.how, present(s));
        permit_.reset();
        return {};
    }

private:
    static time_point present(walk_state& s) noexcept { return measures_calls<G> ? s.time.exact() : s.time.coarse(); }

    std::optional<typename G::permit> permit_;
};

// The breaker reads its own clock, and only when it must.
template <>
class layer<circuit_breaker> : public never_waits {
public:
    [[gnu::always_inline]] gate enter(circuit_breaker& breaker, walk_state&) {
        auto answer = breaker.try_acquire();
        if (!answer) [[unlikely]]
            return {.kind = gate::refused, .answer = answer.error()};
        permit_ = std::move(*answer);
        return {};
    }
    template <class Slot>
    [[gnu::always_inline]] turn leave(circuit_breaker&, walk_state&, Slot&, ending& e) {
        permit_.settle(e.how);
        return {};
    }

private:
    circuit_breaker::permit permit_;
};

// Sleeps until the permit may be used; refuses at once when the deadline would not survive the sleep. Chaos
// refuses nothing: to a call that it delays beyond the deadline the dependency was too slow.
template <delaying_guard G>
class layer<G> {
public:
    [[gnu::always_inline]] gate enter(G& guard, walk_state& s) {
        const time_point now = s.time.exact();
        auto answer = guard.enter(now);
        if (!answer) return {.kind = gate::refused, .answer = answer.error()};
        const time_point start = answer->start_at, deadline = s.context.deadline();
        if (start <= now) {
            permit_.emplace(std::move(answer->permit));
            return open_gate();
        }
        if (!injecting_guard<G> && start >= deadline)
            return {.kind = gate::refused, .answer = {errc::rate_limited, start - now}};
        permit_.emplace(std::move(answer->permit));
        too_late_ = start >= deadline;
        return {.kind = gate::sleep, .until = std::min(start, deadline)};
    }
    gate resumed(G&, walk_state&) {
        if (too_late_) return {.kind = gate::refused, .answer = {errc::timed_out, {}}};
        return open_gate();
    }
    bool interrupted(G&, walk_state&) {
        permit_.reset();
        return false;
    }
    template <class Slot>
    [[gnu::always_inline]] turn leave(G&, walk_state& s, Slot&, ending& e) {
        permit_->settle(e.how, s.time.coarse());
        permit_.reset();
        return {};
    }
    // Chaos in place of the call.
    template <class Slot>
    void inject(G& guard, Slot& slot)
        requires injecting_guard<G>
    {
        if constexpr (requires { slot.set(guard.false_answer()); })
            if (permit_->injected() == injection::result) return slot.set(guard.false_answer());
        slot.fail(std::make_exception_ptr(injected_fault{}));
    }

private:
    gate open_gate() {
        if constexpr (injecting_guard<G>)
            if (permit_->injected() != injection::nothing) return {.kind = gate::fault};
        return {};
    }
    std::optional<typename G::permit> permit_;
    bool too_late_ = false;
};

template <queueing_guard G>
class layer<G> {
public:
    [[gnu::always_inline]] gate enter(G& guard, walk_state& s) {
        place_.wake = s.wake;
        place_.granted_.store(false, std::memory_order_relaxed);  // of an attempt before
        const time_point now = s.time.coarse();
        auto answer = guard.enter(now, place_);
        if (!answer) return {.kind = gate::refused, .answer = answer.error()};
        if (*answer) {
            permit_.emplace(std::move(**answer));
            return {};
        }
        queue_.guard = &guard;
        queue_.at = &place_;
        // Not from the coarse clock, which may be a tick late: most of a short wait, or all of it.
        until_ = std::min(guard.queue_deadline(s.time.exact()), s.context.deadline());
        return {.kind = gate::queue, .until = until_};
    }
    gate resumed(G& guard, walk_state& s) {
        if (!place_.granted_now() && s.time.exact() < until_) return {.kind = gate::queue, .until = until_};
        if (queue_.leave()) {
            const bool expired = s.context.deadline() <= until_;
            return {.kind = gate::refused,
                    .answer = expired ? *answer_to(cancel_cause::deadline, false) : guard.refusal()};
        }
        permit_.emplace(guard.claim(place_));
        return {};
    }
    bool interrupted(G& guard, walk_state&) {
        if (!queue_.leave()) permit_.emplace(guard.claim(place_));  // granted at that very moment
        permit_.reset();
        return false;
    }
    template <class Slot>
    [[gnu::always_inline]] turn leave(G&, walk_state& s, Slot&, ending& e) {
        permit_->settle(e.how, s.time.coarse());
        permit_.reset();
        return {};
    }

private:
    struct place final : waiter {
        void granted() noexcept override {
            granted_.store(true, std::memory_order_release);
            wake->wake();
        }
        bool granted_now() const noexcept { return granted_.load(std::memory_order_acquire); }
        waker* wake = nullptr;
        std::atomic<bool> granted_{false};
    };
    // Leaves the queue, also when the walk is dropped in it.
    struct membership {
        G* guard = nullptr;
        place* at = nullptr;
        bool leave() {
            auto* left = std::exchange(guard, nullptr);
            return left != nullptr && left->leave(*at);
        }
        ~membership() {
            if (auto* left = std::exchange(guard, nullptr); left != nullptr && !left->leave(*at))
                (void)left->claim(*at);
        }
    };
    place place_;
    std::optional<typename G::permit> permit_;
    membership queue_;
    time_point until_{};
};

// -- Reactions ---------------------------------------------------------------------------------------

template <>
class layer<retry> {
public:
    [[gnu::always_inline]] gate enter(retry& policy, walk_state& s) {
        session_.emplace(policy.begin(s.time.coarse()));
        return {};
    }
    template <class Slot>
    [[gnu::always_inline]] turn leave(retry&, walk_state& s, Slot&, ending& e) {
        if (e.how.outcome == verdict::success && session_->attempt() == 1) [[likely]]
            return {};
        const time_point now = e.refused ? time_point{} : s.time.exact();  // a refusal is not waited for
        const auto next =
            e.given_up ? session_->cancel() : session_->after(e.how, e.refused, now, s.context.deadline());
        if (const auto* again = std::get_if<retry::again_at>(&next)) {
            s.tell({.kind = pipeline_event_kind::retry_scheduled, .until = again->at});
            return {turn::again, again->at};
        }
        if (e.how.outcome != verdict::success) s.tell({.kind = pipeline_event_kind::retry_given_up});
        s.context.set_attempt(1);
        return {};
    }
    gate resumed(retry&, walk_state& s) {
        session_->start_attempt();
        s.context.set_attempt(session_->attempt());
        return {};
    }
    bool interrupted(retry&, walk_state& s) {
        (void)session_->cancel();
        s.context.set_attempt(1);
        return true;
    }

private:
    std::optional<retry::session> session_;
};

template <fallback_policy F>
class layer<F> : public never_waits {
public:
    gate enter(F&, walk_state&) { return {}; }
    template <class Slot>
    turn leave(F& fallback, walk_state& s, Slot& slot, ending& e) {
        const time_point now = F::remembers ? s.time.coarse() : time_point{};
        if (slot.succeeded()) {
            if constexpr (F::remembers) slot.remember(fallback, now);
        } else if (slot.recover(fallback, now, e.given_up)) {
            s.tell({.kind = pipeline_event_kind::fallback_used});
            if (slot.succeeded()) e = {verdict::success};  // it may have put another error in the error's place
        }
        return {};
    }
};

// For what has no part in a walk: an opt-out of a composition rule; a hedge, which walks end in front of.
template <class T>
    requires(composition::is_opt_out<T> || std::is_same_v<T, hedge>)
class layer<T> : public never_waits {
public:
    gate enter(const T&, walk_state&) { return {}; }
    template <class Slot>
    turn leave(const T&, walk_state&, Slot&, ending&) {
        return {};
    }
};

// -- Races -------------------------------------------------------------------------------------------

// The driver ends the operation at the context's deadline; this only says when that is.
template <>
class layer<timeout> : public never_waits {
public:
    [[gnu::always_inline]] gate enter(timeout& policy, walk_state& s) {
        outer_ = s.context.deadline();
        s.context.set_deadline(
            policy.deadline(policy.limit() >= long_limit ? s.time.coarse_not_early() : s.time.exact(), outer_));
        return {};
    }
    template <class Slot>
    [[gnu::always_inline]] turn leave(timeout&, walk_state& s, Slot&, ending&) {
        s.context.set_deadline(outer_);
        return {};
    }

private:
    // From here on a few milliseconds more do not matter, and the cheap clock is read.
    static constexpr duration long_limit = std::chrono::seconds{1};
    time_point outer_{};
};

}  // namespace fusebox::detail
