// The circuit breaker as a pure state machine: time and randomness come in, decisions and events go out.
//
// No clock, no lock, no I/O, no user code. circuit_breaker puts a lock around it and a fast path
// before it. See docs/circuit-breaker.md for the rules; each sentence there is a test.
//
// The two layers of state: `mode` is what an operator has asked for, `phase` is the automaton. In
// metrics_only the automaton goes on behind calls that are always admitted.
#pragma once

#include <fusebox/circuit_event.hpp>
#include <fusebox/circuit_snapshot.hpp>
#include <fusebox/detail/verdict_window.hpp>
#include <fusebox/random.hpp>
#include <fusebox/verdict.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace fusebox::detail {

// What a permit remembers of its admission.
struct ticket {
    std::uint64_t generation = 0;
    std::uint32_t trial = 0;  // 0: not a trial call

    static constexpr std::uint32_t shadow = UINT32_MAX;  // metrics_only: would have been rejected
};

struct admission {
    bool permitted = false;
    duration retry_after{0};
    ticket permit{};
};

// How a permitted call ended. `outcome` is empty when the permit was abandoned.
struct settlement {
    std::optional<verdict> outcome{};
    bool slow = false;
    std::optional<duration> retry_after{};

    // How long a dependency that failed wants to be left alone, if it said so.
    std::optional<duration> wish() const noexcept { return outcome == verdict::failure ? retry_after : std::nullopt; }
};

// Why thresholds are moved, for the event that tells of it.
struct threshold_nudge {
    window_snapshot observed{};
    float factor = 1;  // of the base thresholds, from now on
};

class breaker_machine {
public:
    static constexpr time_point unarmed = time_point::max();

    breaker_machine(std::shared_ptr<const circuit_breaker_options> options, std::uint64_t seed, time_point now);

    admission admit(time_point now);

    // Returns true when trip_when is to be asked about window() now (outside any lock), and trip() to
    // be called with the generation and the settlement if it says yes.
    bool settle(ticket permit, const settlement& how, time_point now);
    void trip(std::uint64_t generation, const settlement& how, time_point now);

    // Opens a closed circuit for a reason that lies outside it.
    void trip(trip_rule why, time_point now);

    // Lets time do its work: reclaims trials whose lease is over; half-opens if that is automatic.
    void poll(time_point now);

    // What an operator does: forced_open, disabled, metrics_only, or closed (a reset).
    void operate(circuit_state target, time_point now);

    // Takes other options; keeps window, state and an open deadline.
    void reconfigure(std::shared_ptr<const circuit_breaker_options> options, time_point now,
                     const threshold_nudge* nudge = nullptr);
    const circuit_breaker_options& options() const noexcept { return *options_; }
    std::shared_ptr<const circuit_breaker_options> shared_options() const noexcept { return options_; }

    circuit_image export_image(time_point now) const;
    void import_image(const circuit_image& image, time_point now);

    // An opened circuit begins to wait when arm() is told the time, which is to be read after the new
    // state is visible to all. Until then it rejects.
    bool needs_arming() const noexcept { return phase_ == circuit_state::open && deadline_ == unarmed; }
    void arm(time_point now) noexcept { deadline_ = saturating_add(now, wait_); }
    time_point deadline() const noexcept { return deadline_; }

    circuit_state state() const noexcept { return mode_ == circuit_state::closed ? phase_ : mode_; }
    std::uint64_t generation() const noexcept { return generation_; }
    window_snapshot window() const noexcept { return window_.snapshot(); }

    // Takes in the fast successes that were counted outside since the last call. Between two calls of the
    // machine there were only such, so that their order does not matter.
    void absorb(std::uint64_t successes) noexcept {
        if (successes == 0) return;
        consecutive_failures_ = 0;
        window_.absorb(successes);
    }
    bool is_timed() const noexcept { return window_.is_timed(); }

    // True while a fast success in this generation may be counted outside, until the given instant.
    bool indifferent_to_success() const noexcept;
    time_point indifferent_until() const noexcept { return window_.indifferent_until(); }

    // The state at `now` as a caller would find it, without changing anything. The name, and what is
    // counted outside, are left to the caller.
    circuit_snapshot snapshot(time_point now) const;

    // Events are kept for those kinds that somebody listens to.
    void listen(event_mask kinds) noexcept { listened_ = kinds; }
    bool watches_calls() const noexcept { return (listened_ & call_events) != 0; }
    void note_call(event_kind kind, duration retry_after, time_point now);
    // The oldest event that is still to be told. There must be one.
    circuit_event take_event() noexcept;
    bool has_events() const noexcept { return !events_.empty(); }

    circuit_totals& totals() noexcept { return totals_; }

private:
    struct trial {
        std::uint32_t id;
        time_point since;
        time_point lease;  // until when

        // Reclaimed, and not come back: counted as failed until it does. It has no place and no say any more.
        static constexpr time_point over = time_point::min();
        bool is_lost() const noexcept { return lease == over; }
    };
    struct round {               // one round of trial calls: the trials proper, then each step of a ramp
        std::uint32_t step = 0;  // 0: the trials; i: ramp.shares[i - 1]
        std::uint32_t successes = 0;
        std::uint32_t failures = 0;
        std::uint32_t slow = 0;
        double credit = 0.0;  // of the ramp's share; a caller is let in when it reaches 1

        std::uint32_t settled() const noexcept { return successes + failures; }
    };

    enum class returned : unsigned char { in_time, reclaimed, unknown };
    returned take_back(ticket permit);
    std::uint32_t in_flight() const noexcept { return static_cast<std::uint32_t>(trials_.size()) - lost_; }
    time_point lease_end(time_point since) const noexcept;
    void record_closed(bool failed, bool slow, std::optional<duration> wish, time_point now);
    void record_trial(bool failed, bool slow, std::optional<duration> wish, time_point now);
    trip_rule fired_rule() const noexcept;
    trip_rule round_verdict() const noexcept;
    bool round_passed() const noexcept;
    bool has_expired_trial(time_point now) const noexcept;
    void reclaim(time_point now);
    breaker_machine as_found(time_point now) const;
    void conclude_round(bool by_lease, std::optional<duration> wish, time_point now);
    void try_trial(time_point now, admission& answer);

    void open(trip_rule rule, std::optional<duration> wish, time_point now);
    void half_open(time_point now);
    void close(trip_rule rule, time_point now);
    void enter(circuit_state mode, circuit_state phase, trip_rule rule, time_point now);
    circuit_event describe(event_kind kind, time_point now) const;
    void push(circuit_event event) noexcept;

    duration draw_wait(std::optional<duration> wish) noexcept;
    duration own_wait() noexcept;
    duration lease() const noexcept;
    double share() const noexcept { return round_.step == 0 ? 1.0 : options_->ramp.shares[round_.step - 1]; }
    std::uint32_t round_calls() const noexcept {
        return round_.step == 0 ? options_->half_open_calls : options_->ramp.calls_per_step;
    }
    std::uint32_t round_concurrency() const noexcept {
        return round_.step == 0 ? options_->half_open_concurrency : options_->ramp.calls_per_step;
    }
    std::uint32_t minimum_calls() const noexcept;

    std::shared_ptr<const circuit_breaker_options> options_;  // shared by the breakers that were made alike
    verdict_window window_;
    splitmix64 random_;

    circuit_state mode_ = circuit_state::closed;  // closed: none asked for
    circuit_state phase_ = circuit_state::closed;
    trip_rule last_rule_ = trip_rule::none;
    bool unjudged_ = false;  // the rules changed, or the window was imported: judge at the next verdict
    std::uint32_t consecutive_failures_ = 0;
    std::uint32_t reopenings_ = 0;
    std::uint32_t lease_doublings_ = 0;
    std::uint32_t last_trial_ = 0;
    std::uint64_t generation_ = 1;
    std::uint64_t sequence_ = 0;
    time_point entered_;
    time_point deadline_ = unarmed;
    duration wait_{0};
    round round_{};
    std::vector<trial> trials_;  // in flight, and those that were lost
    std::uint32_t lost_ = 0;
    circuit_totals totals_{};
    event_mask listened_ = 0;
    std::vector<circuit_event> events_;
    std::size_t told_ = 0;  // of events_, at its front
};

}  // namespace fusebox::detail
