// A circuit breaker: stops calling what keeps failing, and finds out with a few trial calls when to begin again.
//
//   fusebox::circuit_breaker breaker{"orders", {.consecutive_failures = 3}};
//   auto order = breaker.call([&] { return fetch_order(id); });   // expected<T, rejection>, or <T, call_error<E>>
//   if (!order) …                                                 // open: refused in nanoseconds, nothing was called
//
// The rules are in docs/circuit-breaker.md. After Nygard, "Release It!" (2007), with what 28 libraries
// taught: permits that carry the generation they were given in, exactly N trial calls, leases on them.
//
// Thread-safety: every member may be called from any thread at any time, from listeners too. Nothing is
// held while a protected call, a listener or trip_when runs. While the circuit is closed and healthy, or
// open, a call writes to no cache line that another thread reads.
//
// Cost, closed and healthy: two loads and a counter of the thread's own; with a time window one coarse
// clock read (about 3 ns); with slow_call_duration two exact ones (about 20 ns each).
#pragma once

#include <fusebox/circuit_snapshot.hpp>
#include <fusebox/detail/breaker_engine.hpp>
#include <fusebox/detail/native_platform.hpp>
#include <fusebox/detail/protected_call.hpp>

#include <expected>
#include <functional>
#include <memory>
#include <string>

namespace fusebox {

namespace detail {
extern template class breaker_engine<native_platform>;
}

class circuit_breaker {
    using engine = detail::breaker_engine<detail::native_platform>;

public:
    // The right to make one call, stamped with the generation it was given in. Settle it with what
    // became of the call; the second settling does nothing. Destroyed unsettled (an exception, an early
    // return, a dropped coroutine frame) it is abandoned: neutral, and a trial call's place is given back.
    // Movable between threads; must not outlive its breaker. One thread at a time.
    class [[nodiscard]] permit {
    public:
        permit() noexcept = default;  // of no call: settled
        permit(permit&& other) noexcept : engine_(std::exchange(other.engine_, nullptr)), grant_(other.grant_) {}
        permit& operator=(permit&& other) noexcept {
            if (this != &other) {
                abandon();
                engine_ = std::exchange(other.engine_, nullptr);
                grant_ = other.grant_;
            }
            return *this;
        }
        [[gnu::always_inline]] ~permit() { abandon(); }

        // A verdict, or a report with the call's duration or the dependency's Retry-After.
        [[gnu::always_inline]] void settle(const report& how) {
            if (auto* e = std::exchange(engine_, nullptr)) e->settle(grant_, how);
        }
        // As settle, with the present as the caller already knows it.
        [[gnu::always_inline]] void settle(const report& how, time_point now) {
            if (auto* e = std::exchange(engine_, nullptr)) e->settle(grant_, how, &now);
        }
        [[gnu::always_inline]] void abandon() noexcept {
            if (auto* e = std::exchange(engine_, nullptr)) e->abandon(grant_);
        }

        std::uint64_t generation() const noexcept { return detail::word::generation(grant_.word); }
        // True for one of the few calls by which a half-open breaker finds out.
        bool is_trial() const noexcept { return grant_.trial != 0 && grant_.trial != detail::ticket::shadow; }

    private:
        friend circuit_breaker;
        permit(engine& e, detail::grant g) noexcept : engine_(&e), grant_(g) {}
        engine* engine_ = nullptr;
        detail::grant grant_{};
    };

    // Throws configuration_error when the options cannot be meant. `time` must outlive the breaker; null
    // is the system's monotonic clock.
    explicit circuit_breaker(std::string name, circuit_breaker_options options = {},
                             const monotonic_clock* time = nullptr);

    // As above, sharing one set of options, already validated, among many breakers.
    circuit_breaker(std::string name, std::shared_ptr<const circuit_breaker_options> options,
                    const monotonic_clock* time);

    circuit_breaker(const circuit_breaker&) = delete;
    circuit_breaker& operator=(const circuit_breaker&) = delete;

    const std::string& name() const noexcept { return engine_.name(); }

    // Calls `operation()` if the circuit lets it. Returns expected<T, rejection> for an operation that
    // returns T, and expected<T, call_error<E>> for one that returns expected<T, E>; an exception passes
    // through, and what a returned reference refers to is copied. `classify` is asked for the verdict (see
    // verdict.hpp).
    template <class F, class Classifier = default_classifier>
        requires classifier_of<Classifier, std::invoke_result_t<F&>>
    auto call(F&& operation, Classifier classify = {}) -> detail::call_result_t<std::invoke_result_t<F&>>;

    // A callable that passes its arguments to `operation` through this breaker, which must outlive it.
    template <class F, class Classifier = default_classifier>
    auto wrap(F operation, Classifier classify = {}) {
        return [this, operation = std::move(operation), classify](auto&&... args) mutable {
            return this->call([&] { return std::invoke(operation, std::forward<decltype(args)>(args)...); }, classify);
        };
    }

    // For calls that do not fit into a function: admits or rejects now, settled later through the permit.
    std::expected<permit, rejection> try_acquire() { return acquire(nullptr); }
    // As above, with the present as the caller already knows it; spares the clock read.
    std::expected<permit, rejection> try_acquire(time_point now) { return acquire(&now); }

    circuit_state state() const { return engine_.state(); }
    // True while no call can be admitted: forced open, or open and not yet due for a trial.
    bool is_shut() const noexcept { return engine_.is_shut(); }
    bool is_shut(time_point now) const noexcept { return engine_.is_shut(&now); }
    circuit_snapshot snapshot() const { return engine_.snapshot(); }
    std::shared_ptr<const circuit_breaker_options> options() const { return engine_.options(); }

    // What an operator does. Each begins a new generation; reset() closes the circuit and forgets the window.
    void force_open() { engine_.operate(circuit_state::forced_open); }
    void disable() { engine_.operate(circuit_state::disabled); }
    void metrics_only() { engine_.operate(circuit_state::metrics_only); }
    void reset() { engine_.operate(circuit_state::closed); }

    // Opens a closed circuit for a reason that it cannot see itself, such as trip_rule::children. It waits
    // and heals as ever. In any other state nothing happens: there the trials, or an operator, decide.
    void trip(trip_rule why) { engine_.trip(why); }

    // Lets time do what is due without traffic: reclaims lost trial calls; half-opens an open circuit
    // whose wait is over, where automatic_half_open is set. For timers.
    void poll() { engine_.poll(); }

    // Other options, from the next call on. Keeps state, window and an open circuit's deadline: a count
    // window keeps its newest verdicts, a time window its buckets by their time. The same options change
    // nothing. Refused options change nothing either. `initial_state` and `seed` are not looked at.
    std::expected<void, std::vector<config_error>> reconfigure(circuit_breaker_options options);

    // The state for a successor, and its taking over, which begins a new generation. An image that no breaker can
    // have shown is refused with a sentence (circuit_image::fault()), and changes nothing.
    circuit_image export_state() const { return engine_.export_image(); }
    std::expected<void, std::string> import_state(const circuit_image& image);

    // Tells `listener` of the events of the given kinds until the subscription is destroyed. The call
    // events cost every call the fast path; while their listener is slow they are dropped and counted
    // beyond 1024. A listener that throws harms nobody and is counted. One thread at a time tells, one that made
    // an event; after 16 in a row it hands on to the next that makes one, which waits for the listener that runs.
    subscription subscribe(circuit_listener listener, event_mask kinds = state_events);

private:
    friend class adaptive_thresholds;
    friend class circuit_node;

    // Calls `act` in the thread that opens the circuit, before any listener is told. Cancelling does not wait for it.
    subscription at_opening(std::function<void()> act);

    [[gnu::always_inline]] std::expected<permit, rejection> acquire(const time_point* lent) {
        const detail::grant g = engine_.admit(lent);
        if (!g.permitted) return std::unexpected(rejection{errc::circuit_open, g.retry_after});
        return permit{engine_, g};
    }

    engine engine_;
};

template <class F, class Classifier>
    requires classifier_of<Classifier, std::invoke_result_t<F&>>
auto circuit_breaker::call(F&& operation, Classifier classify) -> detail::call_result_t<std::invoke_result_t<F&>> {
    const detail::grant g = engine_.admit();
    if (!g.permitted) [[unlikely]]
        return std::unexpected(rejection{errc::circuit_open, g.retry_after});
    permit held{engine_, g};
    return detail::run_under(held, operation, classify);
}

}  // namespace fusebox
