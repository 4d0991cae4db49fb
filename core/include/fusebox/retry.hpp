// Whether a failed call is tried again, and when. A reaction: the driver reports how each attempt ended,
// and is told to give up or to start the next one at an instant.
//
// The wait before the next attempt, after n failures (n = 1, 2, …):
//
//   bound        = min(cap, base * multiplier^(n-1))          exponential;  min(cap, base) when fixed
//   full jitter  : uniform in (0, bound]                      no jitter: bound
//   decorrelated : min(cap, uniform in (base, 3 * the wait before]), at first 3 * base
//
// Both jitters are Marc Brooker's ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015). The
// bound of full jitter is capped before the draw, so the wait never exceeds the cap and stays spread:
// a draw that is cut off afterwards is the cap itself for nearly everyone, after some attempts.
// A Retry-After of the dependency, clamped to retry_after_max, is a lower bound of the wait. Draws are
// rounded up to the nanosecond, and a driver must not start before the instant given: nobody wakes early.
//
// Thread-safety: retry, all of it; a session belongs to one call, which uses it from one thread at a time.
#pragma once

#include <fusebox/random.hpp>
#include <fusebox/retry_budget.hpp>
#include <fusebox/verdict.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fusebox {

enum class backoff_kind : unsigned char { exponential, fixed, decorrelated };
enum class jitter_kind : unsigned char { full, none };

struct retry_options {
    std::uint32_t max_attempts = 3;  // calls in all, the first included; 1 to 1 000 000

    backoff_kind backoff = backoff_kind::exponential;
    jitter_kind jitter = jitter_kind::full;               // decorrelated is a jitter itself, and refuses none
    duration base = std::chrono::milliseconds{100};       // 0 (at once) to cap
    double multiplier = 2.0;                              // of exponential, 1 to 100
    duration cap = std::chrono::seconds{2};               // of every backoff, up to 24 h
    duration retry_after_max = std::chrono::seconds{30};  // 0 (the wish is ignored) to 24 h

    // Who pays for the extra attempts. Share one among the retries and hedges of a dependency. When
    // empty, the retry has one of its own with default options.
    std::shared_ptr<retry_budget> budget{};
    bool without_budget = false;  // retries may then multiply the load of an outage by max_attempts

    // Fixes the jitter, for tests; otherwise each retry draws its own seed.
    std::optional<std::uint64_t> seed{};

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
};

enum class give_up_reason : unsigned char {
    succeeded,
    not_retryable,  // the verdict was ignored: another attempt would end the same
    refused,        // by a policy inside: it said no on purpose, and is not asked twice
    attempts_exhausted,
    budget_exhausted,
    deadline_too_near,  // the deadline would strike before the next attempt could start
    cancelled,          // nobody wants the answer any more
};

// "succeeded", "not_retryable", "refused", "attempts_exhausted", "budget_exhausted", "deadline_too_near", "cancelled".
const char* to_string(give_up_reason) noexcept;

// Totals since the retry was made. Calls whose first attempt ended them by succeeding are not counted.
struct retry_snapshot {
    std::uint64_t retries = 0;    // extra attempts started
    std::uint64_t recovered = 0;  // calls that succeeded at a later attempt than the first
    std::uint64_t not_retryable = 0;
    std::uint64_t refused = 0;
    std::uint64_t attempts_exhausted = 0;
    std::uint64_t budget_exhausted = 0;
    std::uint64_t deadline_too_near = 0;
    std::uint64_t cancelled = 0;

    friend bool operator==(const retry_snapshot&, const retry_snapshot&) = default;
};

class retry {
public:
    class session;

    // No further attempt: the last one's result is the call's.
    struct give_up {
        give_up_reason reason;
        friend bool operator==(const give_up&, const give_up&) = default;
    };

    // Sleep until `at`, then session::start_attempt().
    struct again_at {
        time_point at;
        duration wait;                 // `at`, from the present
        std::uint32_t failed_attempt;  // the number of the attempt that failed, from 1

        // "Attempt 1 failed, retrying in 0.25s..."
        std::string message() const;
        friend bool operator==(const again_at&, const again_at&) = default;
    };

    using next = std::variant<give_up, again_at>;

    // Throws configuration_error when options.validate() finds anything.
    explicit retry(const retry_options& options = {});
    retry(const retry&) = delete;
    retry& operator=(const retry&) = delete;

    // A call begins, and its first attempt with it. The retry must outlive the session.
    session begin(time_point now) noexcept;

    retry_snapshot snapshot() const noexcept;

    // The budget in use; null with without_budget.
    const std::shared_ptr<retry_budget>& budget() const noexcept { return options_.budget; }
    const retry_options& options() const noexcept { return options_; }

private:
    duration backoff(std::uint32_t failures, duration before, splitmix64& random) const noexcept;
    next count(give_up_reason why, bool first_attempt) noexcept;

    retry_options options_;
    std::uint64_t seed_;
    std::atomic<std::uint64_t> failed_calls_{0};  // each gets its own stream of random numbers
    std::atomic<std::uint64_t> retries_{0};
    std::array<std::atomic<std::uint64_t>, 7> given_up_{};  // by reason
};

// One call with its attempts. When destroyed, or cancelled, during a sleep it gives its place in the budget back.
class retry::session {
public:
    // The running attempt ended like this; what next? `policy_refused` when it was not made at all, since
    // a policy inside rejected it. `deadline` is when the call as a whole must have ended, time_point::max()
    // when it need not; a sleep that would end then or later is not begun. With again_at, a place in the
    // budget is held until start_attempt().
    next after(const report& outcome, bool policy_refused, time_point now, time_point deadline) noexcept;

    // The sleep is over, and the next attempt starts: pays for it.
    void start_attempt() noexcept;

    // Nobody wants the answer any more, whether an attempt runs or the session sleeps.
    next cancel() noexcept;

    // The number of the attempt that runs, or ran last, from 1.
    std::uint32_t attempt() const noexcept { return attempt_; }

private:
    friend class retry;
    explicit session(retry& owner) noexcept : owner_(&owner) {}

    retry* owner_;
    splitmix64 random_{0};  // seeded at the first failure
    std::optional<retry_budget::reservation> place_;
    duration wait_{0};    // before the attempt that runs, or the planned one
    time_point wakes_{};  // of the planned one
    std::uint32_t attempt_ = 1;
};

inline retry::session retry::begin(time_point now) noexcept {
    if (options_.budget) options_.budget->note_call(now);
    return session{*this};
}

}  // namespace fusebox
