// The shapes of a policy, and what travels with a call. Policies decide, drivers act.
//
// A policy never touches a socket, a thread, a timer or a clock: time comes in as an argument, and the
// answer says what should happen next. A driver makes it happen: blocking (blocking.hpp) or as a
// coroutine (fusebox::asio). Drivers are written once per shape:
//
//   guard      may this call start, now, later, or not? and how did it end?   breaker, bulkhead, limiters, chaos
//   reaction   given this outcome, what next?                                  retry, fallback
//   race       the clock, or another call, against the call                    timeout, hedge
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/error.hpp>
#include <fusebox/verdict.hpp>

#include <atomic>
#include <concepts>
#include <expected>
#include <optional>

namespace fusebox {

// Why a call was cancelled. Without it, a total timeout around a breaker would hide an outage.
enum class cancel_cause : unsigned char {
    none,
    caller,      // nobody wants the answer any more: neutral
    deadline,    // time ran out: a (slow) failure
    hedge_lost,  // another attempt was faster: neutral
    shutdown,    // the program ends: neutral
};

// A guard's permission: a move-only permit, and from when on it may be used. The driver waits until
// then; a permit that is dropped meanwhile gives its place back.
template <class Permit>
struct delayed {
    Permit permit;
    time_point start_at;
};

// A guard answers at once: enter(now) gives a permit, or a refusal. A permit has settle(report), is
// idempotent, and is abandoned when destroyed unsettled.
template <class G>
concept immediate_guard = requires(G& g, time_point now, const report& how) {
    { g.enter(now) } -> std::same_as<std::expected<typename G::permit, rejection>>;
    requires std::movable<typename G::permit>;
    requires requires(typename G::permit& p) { p.settle(how, now); };
};

// A guard that may ask to wait until an instant known beforehand (rate limiter, chaos latency).
template <class G>
concept delaying_guard = requires(G& g, time_point now, const report& how) {
    { g.enter(now) } -> std::same_as<std::expected<delayed<typename G::permit>, rejection>>;
    requires requires(typename G::permit& p) { p.settle(how, now); };
};

// A waiter's place in its guard's queue, which is made of these, so that waiting allocates nothing.
// The guard's business alone.
class queue_place {
public:
    queue_place(const queue_place&) = delete;
    queue_place& operator=(const queue_place&) = delete;

protected:
    queue_place() = default;
    ~queue_place() = default;

private:
    friend class bulkhead;
    enum class standing : unsigned char { outside, queued, granting, granted };

    class waiter* ahead_ = nullptr;
    class waiter* behind_ = nullptr;
    std::atomic<standing> standing_{standing::outside};
};

// Someone who waits in a guard's queue. The driver derives from it.
class waiter : public queue_place {
public:
    // A permit has become ours. Called once, by whichever thread gave it back, with nothing locked.
    // Must return soon: it wakes a thread, or posts to an executor. Must not call the guard itself,
    // because claim() waits until it has returned.
    virtual void granted() noexcept = 0;

protected:
    ~waiter() = default;
};

// A guard with a queue that others move on (bulkhead). enter(now, w) gives a permit, a refusal, or
// neither: then `w` is in the queue until w.granted() is called, and claim(w) gives its permit, or
// until leave(w) is called, which is true when the waiter had to go without a permit. When it is false,
// the permit came at that very moment, and claim(w) must be called for it all the same. After either,
// `w` may be destroyed: granted() is neither running nor to come. queue_deadline says until when a
// driver should wait before it leaves.
template <class G>
concept queueing_guard = requires(G& g, time_point now, waiter& w, const report& how) {
    { g.enter(now, w) } -> std::same_as<std::expected<std::optional<typename G::permit>, rejection>>;
    { g.claim(w) } -> std::same_as<typename G::permit>;
    { g.leave(w) } -> std::same_as<bool>;
    { g.queue_deadline(now) } -> std::same_as<time_point>;
    { g.refusal() } -> std::same_as<rejection>;
    requires requires(typename G::permit& p) { p.settle(how, now); };
};

// A fallback is told of outcomes, and may put a value in an error's place (see fallback.hpp). Marked by
// its base, because what it takes depends on the operation.
struct fallback_base {};
template <class F>
concept fallback_policy = std::derived_from<F, fallback_base>;

}  // namespace fusebox
