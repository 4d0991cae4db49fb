// What a breaker tells the world: one record per thing that happened, in order, with its evidence.
//
// Events are collected while the breaker's lock is held and delivered after it is released, so the
// new state is visible before its event, and a listener may call anything on the breaker, or throw.
#pragma once

#include <fusebox/circuit_breaker_options.hpp>
#include <fusebox/error.hpp>

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace fusebox {

// What made a breaker move.
enum class trip_rule : unsigned char {
    none,  // no rule: time passed, trials succeeded
    consecutive_failures,
    failure_count,
    failure_rate,
    slow_call_rate,
    custom,           // trip_when
    trial_failed,     // half-open: too many failures
    trial_slow,       // half-open: too many slow calls
    trial_lost,       // half-open: too many trials lost, the last one to its lease
    children,         // too many of the circuits below it are open (circuit_hierarchy.hpp)
    operator_action,  // force_open, disable, metrics_only, reset, import
};
const char* to_string(trip_rule) noexcept;

enum class event_kind : unsigned short {
    circuit_opened = 1 << 0,
    circuit_half_opened = 1 << 1,
    circuit_closed = 1 << 2,
    circuit_forced_open = 1 << 3,
    circuit_disabled = 1 << 4,
    circuit_metrics_only = 1 << 5,
    trial_reclaimed = 1 << 6,  // a trial call outlived its lease
    ramp_advanced = 1 << 7,    // the next share of traffic is let in
    circuit_reconfigured = 1 << 8,
    thresholds_adjusted = 1 << 9,  // by adaptive_thresholds
    call_succeeded = 1 << 10,      // the call events cost the fast path: they are sent to who asks for them
    call_failed = 1 << 11,
    call_ignored = 1 << 12,
    call_rejected = 1 << 13,
};
const char* to_string(event_kind) noexcept;

using event_mask = unsigned;
inline constexpr event_mask transition_events = (1u << 6) - 1;
inline constexpr event_mask state_events = (1u << 10) - 1;  // transitions and what else is rare
inline constexpr event_mask call_events = 0xFu << 10;
inline constexpr event_mask all_events = state_events | call_events;

struct circuit_event {
    event_kind kind{};
    std::string_view circuit{};    // the breaker's name; valid during the delivery
    std::uint64_t sequence = 0;    // increases from event to event of a breaker
    std::uint64_t generation = 0;  // the generation that a transition began, or in which the rest happened
    circuit_state from{};          // equal to `to` unless the event is a transition
    circuit_state to{};
    trip_rule rule = trip_rule::none;
    bool is_virtual = false;  // by the virtual breaker behind metrics_only: no call was affected
    window_snapshot
        window{};  // the evidence: the window when the rule was judged; of thresholds_adjusted, what was seen
    std::uint32_t consecutive_failures = 0;
    float threshold_factor = 1;  // of thresholds_adjusted: by what the base is multiplied from now on
    duration retry_after{0};     // how long an opened circuit stays open; of a rejection, what it said
    time_point at{};

    bool is_transition() const noexcept { return (static_cast<event_mask>(kind) & transition_events) != 0; }
};

using circuit_listener = std::function<void(const circuit_event&)>;

// Keeps a listener subscribed; unsubscribes when cancelled or destroyed. After that the listener is not called, not
// even of events that have happened already, and what it refers to may go. If it runs in another thread at that
// moment, cancelling waits until it returns: hold nothing that it needs, and let no two listeners cancel each other
// from two threads. A listener may cancel itself and any other of its delivery: that does not wait, and the one
// that runs runs on to its end. Must not outlive the breaker or registry that gave it. One thread at a time.
class [[nodiscard]] subscription {
public:
    subscription() = default;
    explicit subscription(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
    subscription(subscription&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
    subscription& operator=(subscription&& other) noexcept {
        if (this != &other) {
            cancel();
            cancel_ = std::exchange(other.cancel_, nullptr);
        }
        return *this;
    }
    ~subscription() { cancel(); }

    void cancel() {
        if (auto run = std::exchange(cancel_, nullptr)) run();
    }

private:
    std::function<void()> cancel_;
};

}  // namespace fusebox
