// The thread-safe breaker: the state machine behind a lock, and a fast path before it that takes none.
//
// While all is well a call reads two shared words and writes to none; an open circuit rejects after one
// load and one clock read. Everything else goes through the lock, for a few dozen instructions. Nothing
// is held while a protected call, a listener or trip_when runs.
//
// The design is proved three times: tests/model/breaker.pml (Spin), tests/model/simulation (this
// template on simulated atomics), and the thread sanitizer. So that it can be simulated, it touches
// the world only through `Platform`, which gives
//   atomic<T>, relax(rounds)   as std::atomic, and what to do while a lock is held by another
//   cells                      as thread_cells
//   deliveries()               how many deliveries the calling thread is inside of; its address tells threads apart
//   time                       now() and coarse_now()
#pragma once

#include <fusebox/detail/breaker_machine.hpp>
#include <fusebox/detail/spin_lock.hpp>
#include <fusebox/verdict.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace fusebox::detail {

// The published word: state, what the fast path must mind, and the generation.
namespace word {
inline constexpr std::uint64_t state_mask = 7;
inline constexpr std::uint64_t quiet = 8;     // a fast success cannot trip anything: count it in the cell
inline constexpr std::uint64_t timed = 16;    // calls are measured: the slow rule is on
inline constexpr std::uint64_t clocked = 32;  // quiet only until the end of the window's bucket
inline constexpr std::uint64_t watched = 64;  // somebody listens to single calls
inline constexpr std::uint64_t shut = 128;    // open or forced open: rejects without the lock
inline constexpr std::uint64_t forced = 4;    // of the two, forced open: a bit of the state
static_assert((static_cast<unsigned>(circuit_state::forced_open) & forced) != 0 &&
              (static_cast<unsigned>(circuit_state::open) & forced) == 0);
inline constexpr unsigned generation_shift = 8;

constexpr circuit_state state(std::uint64_t w) noexcept {
    return static_cast<circuit_state>(w & state_mask);
}
constexpr std::uint64_t generation(std::uint64_t w) noexcept {
    return w >> generation_shift;
}
}  // namespace word

// An answer to a caller that wants to call. When permitted it must be settled or abandoned once.
struct grant {
    bool permitted = false;
    std::uint32_t trial = 0;
    std::uint64_t word = 0;
    time_point started{};     // only when calls are measured
    duration retry_after{0};  // only when not permitted
};

template <class Platform>
class breaker_engine {
public:
    using time_source = typename Platform::time;

    breaker_engine(std::string name, std::shared_ptr<const circuit_breaker_options> options, std::uint64_t seed,
                   time_source time);

    // `lent`, where given, is the present as the caller already knows it, and spares a clock read.
    //
    // Inlined into every caller is what a healthy and an open circuit need. The compiler keeps a grant in
    // registers as long as it is never handed on as a whole: hence member by member, here and in settle().
    [[gnu::always_inline]] grant admit(const time_point* lent = nullptr) {
        grant g{.permitted = true, .word = word_.load(std::memory_order_acquire)};
        if ((g.word & (word::state_mask | word::timed | word::watched)) != 0) [[unlikely]] {
            const std::int64_t wait = (g.word & word::shut) != 0 ? remaining_wait(g.word, lent) : -1;
            auto* cell = wait >= 0 ? cells_.local() : nullptr;
            if (cell != nullptr) [[likely]] {
                cell->add_rejection();
                g.permitted = false;
                g.retry_after = duration{wait};
            } else {
                const grant slow = admit_slowly(g.word, lent);
                g.permitted = slow.permitted;
                g.trial = slow.trial;
                g.word = slow.word;
                g.started = slow.started;
                g.retry_after = slow.retry_after;
            }
        }
        return g;
    }

    [[gnu::always_inline]] void settle(const grant& g, const report& how, const time_point* lent = nullptr) {
        if (how.outcome == verdict::success && !how.elapsed && (g.word & (word::quiet | word::timed)) == word::quiet)
            [[likely]] {
            // The cell comes before the word: a table may have been adopted from a thread that knew a newer
            // generation, and then the word shows it.
            auto* cell = cells_.local();
            if (cell != nullptr && word_.load(std::memory_order_acquire) == g.word &&
                ((g.word & word::clocked) == 0 || still_quiet(lent))) [[likely]]
                return cell->add_success(word::generation(g.word));
        }
        const report copy = how;
        settle_slowly(g.word, g.trial, g.started, &copy, lent);
    }

    [[gnu::always_inline]] void abandon(const grant& g) { settle_slowly(g.word, g.trial, g.started, nullptr, nullptr); }

    circuit_state state() const;
    // True while every call is rejected, whoever comes: forced open, or open and not yet due for a trial.
    bool is_shut(const time_point* lent = nullptr) const noexcept {
        const std::uint64_t w = word_.load(std::memory_order_acquire);
        const circuit_state s = word::state(w);
        return (s == circuit_state::open || s == circuit_state::forced_open) && remaining_wait(w, lent) >= 0;
    }
    circuit_snapshot snapshot() const;
    const std::string& name() const noexcept { return name_; }
    std::shared_ptr<const circuit_breaker_options> options() const;

    void poll();
    void operate(circuit_state target);
    void trip(trip_rule why);
    void reconfigure(std::shared_ptr<const circuit_breaker_options> options);
    // As above, if `expected` is still in force; false when it is not. The caller holds `expected`.
    bool adjust(const std::shared_ptr<const circuit_breaker_options>& expected,
                std::shared_ptr<const circuit_breaker_options> options, const threshold_nudge& nudge);
    circuit_image export_image() const;
    void import_image(const circuit_image& image);

    // When a listener is called. `at_once` is in the thread that opened the circuit, before any other listener and
    // even while one runs elsewhere, at each opening that is not virtual: for what must move with this circuit.
    enum class turn : unsigned char { in_order, at_once };

    // Returns a number by which to unsubscribe.
    std::uint64_t subscribe(event_mask kinds, circuit_listener listener, turn when = turn::in_order);

    // The listener is not called any more. While a call of it in order runs in another thread, this waits for its
    // end; in the thread that is delivering it returns at once.
    void unsubscribe(std::uint64_t id);

private:
    struct listener_entry {
        std::uint64_t id;
        event_mask kinds;
        turn when;
        std::shared_ptr<const circuit_listener> call;
    };
    using listener_list = std::vector<listener_entry>;
    using lock_type = spin_lock<Platform>;

    // How many events a thread delivers before another that has come with events of its own takes its place.
    static constexpr unsigned most_in_a_row = 16;

    // In deadline_ unless the circuit is open and has one: always over, so that whoever reads it asks the machine.
    static constexpr std::int64_t no_deadline = time_point::min().time_since_epoch().count();

    // In slow_after_ while the slow rule is off: then no call is slow, not even one that never came back.
    static constexpr std::int64_t no_slow_calls = duration::max().count();

    // For how many nanoseconds a shut circuit goes on rejecting: 0 when an operator has opened it, and
    // negative when its time is over.
    [[gnu::always_inline]] std::int64_t remaining_wait(std::uint64_t w, const time_point* lent) const noexcept {
        if ((w & word::forced) != 0) return 0;
        const std::int64_t deadline = deadline_.load(std::memory_order_acquire);
        const std::int64_t now = (lent ? *lent : time_.coarse_now()).time_since_epoch().count();
        return now < deadline ? deadline - now : -1;
    }

    [[gnu::always_inline]] bool still_quiet(const time_point* lent) const noexcept {
        const time_point now = lent ? *lent : time_.coarse_now();
        return now.time_since_epoch().count() < quiet_until_.load(std::memory_order_relaxed);
    }

    grant admit_slowly(std::uint64_t w, const time_point* lent);
    grant admit_locked(std::uint64_t w, const time_point* lent);
    void settle_slowly(std::uint64_t admitted, std::uint32_t trial, time_point started, const report* how,
                       const time_point* lent);
    void consult_user(std::uint64_t generation, const settlement& how, const window_snapshot& window,
                      const circuit_breaker_options& options);
    void count_rejection();

    // Runs `change` on the machine under the lock, makes its effect visible, then tells the listeners.
    template <class Change>
    void locked(Change change);
    void absorb() const;
    void publish();
    std::uint64_t encoded() const noexcept;
    void tell_opening(const listener_list& listeners);
    bool takes_delivery();
    void wait_for_delivery();
    void deliver();
    bool next_event(circuit_event& e, std::uint64_t& newest);
    void call_each(const circuit_event& e, std::uint64_t newest);
    void replace_listeners(std::shared_ptr<const listener_list> next);
    void add_cells(circuit_totals& totals) const;

    // Read by every call, written only when something changes.
    typename Platform::template atomic<std::uint64_t> word_;
    typename Platform::template atomic<std::int64_t> deadline_;     // of an open circuit; see no_deadline
    typename Platform::template atomic<std::int64_t> quiet_until_;  // end of the window's current bucket
    typename Platform::template atomic<std::int64_t> slow_after_;   // ns; max while the slow rule is off
    typename Platform::cells cells_;
    time_source time_;

    // Behind the lock.
    mutable lock_type lock_;
    unsigned* deliverer_ = nullptr;                  // whose events are being told by: deliveries() of that thread
    bool successor_ = false;                         // another thread waits to deliver in its place
    unsigned delivered_in_a_row_ = 0;                // by this deliverer
    std::uint64_t running_listener_ = 0;             // its number; 0 is none
    mutable std::uint64_t absorbed_ = 0;             // cell successes that the window already has …
    mutable std::uint64_t absorbed_generation_ = 0;  // … of this generation
    mutable breaker_machine machine_;
    std::shared_ptr<const listener_list> listeners_;
    std::uint64_t last_listener_ = 0;

    const std::string name_;
};

}  // namespace fusebox::detail
