// Failures on purpose, to see whether a system bears them: faults, latency, false results, by rate and by seed.
//
//   fusebox::chaos monkey{{.fault_rate = 0.3, .expires_after = 10min}, now};
//   auto call = monkey.enter(now);              // never refused
//   // wait until call->start_at; then, if call->permit.injected() == injection::fault, throw injected_fault{}
//
// An injected fault is no refusal: to every policy around it, it is the dependency that failed. So enter()
// always gives a permit, and the driver asks it what to do instead of the call. Put chaos innermost.
//
// It is switched at run time, and ends by itself: an experiment that is forgotten must not become an outage.
//
// Thread-safety: every member may be called from any thread. Switched off, a call costs one load.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>
#include <fusebox/detail/native_platform.hpp>
#include <fusebox/detail/spin_lock.hpp>
#include <fusebox/policy.hpp>
#include <fusebox/random.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <expected>
#include <optional>
#include <stdexcept>
#include <vector>

namespace fusebox {

struct chaos_options {
    bool enabled = true;      // false: nothing is injected, as after stop()
    double fault_rate = 0.3;  // share of the calls that fail without being made, 0 to 1
    double result_rate = 0;   // share of the calls that give the driver's false result instead, 0 to 1 - fault_rate
    double latency_rate = 0;  // share of the calls, faults among them, that start late, 0 to 1
    duration latency{0};      // by how much; above 0 when latency_rate is
    duration expires_after = std::chrono::minutes{5};  // above 0; duration::max() for never

    // Fixes which calls are hit: the same seed, rates and order of calls give the same ones.
    std::optional<std::uint64_t> seed{};

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;

    friend bool operator==(const chaos_options&, const chaos_options&) = default;
};

// What a driver does in place of the call.
enum class injection : unsigned char {
    nothing,  // make the call
    fault,    // do not; fail with injected_fault
    result,   // do not; answer with the false result that the driver was given (see false_answers)
};

// The error that drivers raise for injection::fault.
struct injected_fault : std::runtime_error {
    injected_fault() : std::runtime_error("Chaos monkey strike!") {}
};

struct chaos_snapshot {
    bool active = false;
    duration remaining{0};     // until it ends by itself; duration::max() for never; zero when not active
    std::uint64_t faults = 0;  // totals of what was injected
    std::uint64_t results = 0;
    std::uint64_t delayed = 0;
};

class chaos {
public:
    class [[nodiscard]] permit {
    public:
        injection injected() const noexcept { return injected_; }
        // The same for drivers that know faults only, and what they raise.
        bool injects_fault() const noexcept { return injected_ == injection::fault; }
        std::exception_ptr fault() const { return std::make_exception_ptr(injected_fault{}); }
        // Chaos learns nothing from how calls end; here because drivers settle every permit.
        void settle(const report&, time_point) noexcept {}

    private:
        friend chaos;
        explicit permit(injection what) noexcept : injected_(what) {}
        injection injected_;
    };

    // Off.
    chaos() = default;
    // As apply(), but throws configuration_error when the options cannot be meant.
    chaos(const chaos_options& options, time_point now);
    chaos(const chaos&) = delete;
    chaos& operator=(const chaos&) = delete;

    // From the next call on, for expires_after from `now`. Begins the seed anew. Refused options change nothing.
    std::expected<void, std::vector<config_error>> apply(const chaos_options& options, time_point now);
    // From the next call on, nothing is injected.
    void stop() noexcept;

    // Always a permit; start_at is `now`, or later by the latency.
    std::expected<delayed<permit>, rejection> enter(time_point now) noexcept;

    chaos_snapshot snapshot(time_point now) const noexcept;
    // As last applied, or the defaults.
    chaos_options options() const noexcept;

private:
    std::atomic<bool> active_{false};

    mutable detail::spin_lock<detail::native_platform> lock_;  // guards all below
    chaos_options options_;
    time_point expires_at_{};
    splitmix64 random_{0};
    std::uint64_t faults_ = 0;
    std::uint64_t results_ = 0;
    std::uint64_t delayed_ = 0;
};

// Chaos with an answer for injection::result, as a policy of its own: what the operation would return.
//   pipeline calls{breaker, false_answers{monkey, 503}};
// Without one, a pipeline raises a fault in the answer's place. The chaos must outlive it.
template <class T>
class false_answers {
public:
    using permit = chaos::permit;

    false_answers(chaos& monkey, T answer) : monkey_(&monkey), answer_(std::move(answer)) {}

    std::expected<delayed<permit>, rejection> enter(time_point now) noexcept { return monkey_->enter(now); }
    T false_answer() const { return answer_; }

private:
    chaos* monkey_;
    T answer_;
};

// A guard whose permits may say what to inject in the operation's place.
template <class G>
concept injecting_guard = requires(const typename G::permit& p) {
    { p.injected() } -> std::same_as<injection>;
};

}  // namespace fusebox
