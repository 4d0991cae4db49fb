// A second attempt before the first has failed: when a call takes longer than usual, another is sent, and
// the first success wins (Dean, Barroso: "The tail at scale", CACM 2013). A race: for idempotent calls only.
//
// The next attempt is sent when the one before it has run for the delay, or at once when an attempt fails.
// The delay is a fixed one, or a quantile of the latencies seen: with the 0.95 quantile, one call in
// twenty is sent twice. Each further attempt is paid for from a budget, which is asked when it is due; an
// empty one suppresses it, and never the first attempt. A success, and an ignored verdict (it says that
// the request was wrong, and any copy of it will be), ends the race; the attempts still running have lost:
// the driver cancels them (cancel_cause::hedge_lost), they are neutral, and stay paid for.
//
// Thread-safety: hedge, all of it; a session belongs to one call, which uses it from one thread at a time.
#pragma once

#include <fusebox/detail/latency_quantile.hpp>
#include <fusebox/retry_budget.hpp>
#include <fusebox/verdict.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace fusebox {

struct hedge_options {
    static constexpr std::uint32_t most_attempts = 5;

    // When the next attempt is sent. One of the two must be set. With both, the delay serves until there
    // are minimum_samples latencies; with the quantile alone, nothing is sent by the clock until then.
    std::optional<duration> delay{};     // 0 (both at once) to 24 h
    std::optional<double> quantile{};    // of the last 1024 latencies, 0.5 to 0.999; at most 6.25 % too late
    std::uint32_t minimum_samples = 20;  // 1 to 1024

    std::uint32_t max_attempts = 2;  // in all, the first included; 2 to 5

    // Who pays for the extra attempts. Share one among the retries and hedges of a dependency. When
    // empty, the hedge has one of its own with default options.
    std::shared_ptr<retry_budget> budget{};

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
};

enum class hedge_action : unsigned char {
    wait,        // for another attempt to end, or for next_launch()
    launch_now,  // session::launch() another attempt; it is paid for
    finished,    // the named attempt's result is the call's; cancel the others
    failed,      // all have failed; the named attempt's error is the call's
};

struct hedge_snapshot {
    std::uint64_t launched = 0;       // extra attempts sent
    std::uint64_t won = 0;            // calls that an extra attempt decided
    std::uint64_t suppressed = 0;     // extra attempts that the budget did not allow
    std::optional<duration> delay{};  // of a call that began now

    friend bool operator==(const hedge_snapshot&, const hedge_snapshot&) = default;
};

class hedge {
public:
    class session;

    struct decision {
        hedge_action action;
        std::uint32_t attempt = 0;  // of finished and failed
        friend bool operator==(const decision&, const decision&) = default;
    };

    // Throws configuration_error when options.validate() finds anything.
    explicit hedge(const hedge_options& options);
    hedge(const hedge&) = delete;
    hedge& operator=(const hedge&) = delete;

    // A call begins, and attempt 1 with it. The hedge must outlive the session. `noted_in` is the budget of
    // a retry around the hedge, which has counted the call already: a shared budget must not count it twice.
    session begin(time_point now, const retry_budget* noted_in = nullptr) noexcept;

    // A latency that no session of this hedge saw. Sessions note their own: that of an attempt that
    // succeeded, and of a first attempt that lost how long it had run, which is more than the delay.
    void note_latency(duration latency) noexcept {
        if (latencies_) latencies_->note(latency);
    }

    hedge_snapshot snapshot() const noexcept;

    const std::shared_ptr<retry_budget>& budget() const noexcept { return options_.budget; }
    const hedge_options& options() const noexcept { return options_; }

private:
    std::optional<duration> current_delay() const noexcept {
        const auto observed = latencies_ ? latencies_->estimate() : std::nullopt;
        return observed ? observed : options_.delay;
    }

    hedge_options options_;
    std::unique_ptr<detail::latency_quantile> latencies_;  // when the quantile is set
    std::atomic<std::uint64_t> launched_{0};
    std::atomic<std::uint64_t> won_{0};
    std::atomic<std::uint64_t> suppressed_{0};
};

// One call with its attempts, numbered from 1. Destroying it is cancelling the call: nothing is counted.
class hedge::session {
public:
    // When launch() is due if nothing ends before; empty when no attempt will be sent by the clock.
    std::optional<time_point> next_launch() const noexcept { return next_launch_; }

    // Another attempt starts: its number. Empty when the budget is exhausted, and then no other will be
    // sent by the clock. Never empty after launch_now.
    std::optional<std::uint32_t> launch(time_point now) noexcept;

    // An attempt has ended like this; what next? `policy_refused` when it was not made at all, since a
    // policy inside rejected it: then none is sent any more. An attempt that was not running changes nothing.
    //
    // Of several errors the call's is the last one of an attempt that was made; the last refusal is the
    // call's only when no attempt was made.
    decision ended(std::uint32_t attempt, const report& how, bool policy_refused, time_point now) noexcept;

    // The attempt that launch() named could not be started: it is suppressed, though paid for, and none is sent any
    // more. What next?
    decision not_started(std::uint32_t attempt) noexcept;

    // How many attempts are running.
    std::uint32_t running() const noexcept;

private:
    friend class hedge;
    session(hedge& owner, std::optional<duration> delay, time_point now) noexcept;

    bool is_running(std::uint32_t attempt) const noexcept;
    void plan(time_point now) noexcept;
    void note_latencies(std::uint32_t winner, const report& how, time_point now) const noexcept;

    hedge* owner_;
    std::optional<retry_budget::reservation> place_;  // between launch_now and launch()
    std::optional<duration> delay_;
    std::optional<time_point> next_launch_;
    std::array<time_point, hedge_options::most_attempts> started_;
    std::uint32_t attempts_ = 1;
    std::uint32_t running_ = 1;     // bit n is attempt n + 1
    std::uint32_t last_error_ = 0;  // the attempt whose error the call would end with
    bool made_ = false;             // last_error_ is not a refusal
    bool closed_ = false;           // no further launches
};

}  // namespace fusebox
