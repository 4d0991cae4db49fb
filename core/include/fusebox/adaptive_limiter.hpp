// A concurrency limit that finds itself: as many calls at a time as the dependency serves without queueing.
//
//   fusebox::adaptive_limiter limiter;                     // Gradient2, from 20 calls at a time
//   auto permit = limiter.enter(now);                      // or errc::bulkhead_full
//   ...
//   permit->settle(fusebox::verdict::success, later);      // one more measured round trip
//
// Each window of calls gives one sample, each sample one step of the algorithm:
//   gradient2  compares the present round trip with a long average      (Netflix concurrency-limits, Gradient2Limit)
//   vegas      estimates the queue from the shortest round trip seen    (Brakmo, Peterson: "TCP Vegas", 1994;
//              with the steps of Netflix concurrency-limits, VegasLimit)
//
// What a verdict means here: a success is a round trip; a failure is a drop, be it a timeout or a push-back;
// ignored and abandoned calls free their place and say nothing. A classifier that lets only overload be a
// failure makes the finest limiter.
//
// Thread-safety: every member may be called from any thread. Entering takes no lock; settling holds one for the
// sum of the window, and once a window for the step. Lend it an exact clock: a coarse one measures its own ticks.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>
#include <fusebox/detail/native_platform.hpp>
#include <fusebox/detail/spin_lock.hpp>
#include <fusebox/policy.hpp>
#include <fusebox/random.hpp>

#include <atomic>
#include <cstdint>
#include <expected>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace fusebox {

// The defaults are those of Netflix concurrency-limits (Gradient2Limit.Builder).
struct gradient2_options {
    std::uint32_t initial_limit = 20;   // minimum_limit to maximum_limit
    std::uint32_t minimum_limit = 20;   // 1 to maximum_limit
    std::uint32_t maximum_limit = 200;  // up to 1 000 000
    double smoothing = 0.2;             // weight of the newest estimate, above 0 to 1
    std::uint32_t queue_size = 4;       // calls that may queue; how much the limit can grow a step; 1 to 10 000
    std::uint32_t long_window = 600;    // samples of the long average, 10 to 1 000 000

    friend bool operator==(const gradient2_options&, const gradient2_options&) = default;
};

// The defaults are those of Netflix concurrency-limits (VegasLimit.Builder); ranges as above.
struct vegas_options {
    std::uint32_t initial_limit = 20;
    std::uint32_t minimum_limit = 1;
    std::uint32_t maximum_limit = 1000;
    double smoothing = 1.0;
    // The shortest round trip is learnt anew every 0.5 to 1 times probe_multiplier * limit samples; 1 to 10 000.
    std::uint32_t probe_multiplier = 30;

    friend bool operator==(const vegas_options&, const vegas_options&) = default;
};

struct adaptive_limiter_options {
    std::variant<gradient2_options, vegas_options> algorithm = gradient2_options{};

    // A window lasts so long, and until it has so many calls; one that silence left unfinished, ten times its
    // length and at least a minute, is dropped.
    duration window = std::chrono::seconds{1};  // 1 ms to 1 h
    std::uint32_t minimum_calls = 10;           // 1 to 1 000 000
    // The share of failures from which on a window is a drop, above 0 to 1: a stray error must not throttle.
    double drop_threshold = 0.1;

    // Fixes the times of Vegas' probes, for tests; otherwise each limiter draws its own seed.
    std::optional<std::uint64_t> seed{};

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;

    friend bool operator==(const adaptive_limiter_options&, const adaptive_limiter_options&) = default;
};

// What a window of calls says.
struct limit_sample {
    double rtt = 0;               // mean round trip of the successes, any unit, above 0; not looked at in a drop
    std::uint32_t in_flight = 0;  // the most calls at a time, seen by a call when it entered, itself included
    bool dropped = false;
};

struct gradient2_state {
    double limit = 0;
    double long_rtt = 0;        // zero before the first sample
    std::uint32_t warm_up = 0;  // samples in the plain mean with which the long average begins
    double warm_up_sum = 0;
};

// One step of Gradient2:
//   long     = mean of the first 10 samples, then exponentially, weight 2 / (long_window + 1)
//   drift    : when long > 2 rtt, the long average decays by a tenth, so that a long overload is soon forgotten
//   gradient = long / rtt, within [0.5, 1]
//   limit    = (1 - smoothing) limit + smoothing (limit gradient + queue_size), within [minimum, maximum]
// Below half use (in_flight < limit / 2) the limit stays. The original knows no drops; here a drop, whatever
// the use, is the worst gradient, 0.5, without the allowance for a queue, and leaves the average alone.
gradient2_state gradient2_step(const gradient2_options& o, gradient2_state s, const limit_sample& sample) noexcept;

struct vegas_state {
    double limit = 0;
    double rtt_noload = 0;          // the shortest round trip since the last probe; zero before the first sample
    double probe_jitter = 1;        // 0.5 to 1
    std::uint64_t since_probe = 0;  // samples
};

// One step of Vegas; lg is the decimal logarithm of the limit rounded down, at least 1:
//   queue = limit (1 - rtt_noload / rtt), rounded up
//   a drop             limit - lg
//   queue <= lg        limit + 6 lg
//   queue < 3 lg       limit + lg
//   queue > 6 lg       limit - lg
// within [minimum, maximum], smoothed. Below half use (2 in_flight < limit) only a drop moves the limit. A
// sample shorter than rtt_noload, and every probe, sets rtt_noload and nothing else; a probe that meets a queue
// takes it for the dependency's own time. `unit` is uniform in [0, 1) and is the next probe's jitter.
vegas_state vegas_step(const vegas_options& o, vegas_state s, const limit_sample& sample, double unit) noexcept;

// Read without stopping anyone: the numbers are each right, and may be of slightly different moments.
struct adaptive_limiter_snapshot {
    std::uint32_t limit = 0;
    std::uint32_t in_flight = 0;
    duration rtt_noload{0};      // Vegas: the shortest round trip; Gradient2: the long average. Zero until known
    std::uint64_t rejected = 0;  // totals
    std::uint64_t drops = 0;     // failures
    std::uint64_t samples = 0;   // windows that moved, or could have moved, the limit
};

class adaptive_limiter {
public:
    // Tells drivers to lend it an exact clock.
    static constexpr bool needs_exact_time = true;

    // The right to make one call. Settling is idempotent; destroyed unsettled it frees its place and says
    // nothing. Movable between threads; must not outlive its limiter.
    class [[nodiscard]] permit {
    public:
        permit(permit&& other) noexcept
            : owner_(std::exchange(other.owner_, nullptr)), entered_(other.entered_), in_flight_(other.in_flight_) {}
        permit& operator=(permit&& other) noexcept {
            if (this != &other) {
                abandon();
                owner_ = std::exchange(other.owner_, nullptr);
                entered_ = other.entered_;
                in_flight_ = other.in_flight_;
            }
            return *this;
        }
        ~permit() { abandon(); }

        // The round trip is how.elapsed, or from entry to `now`.
        void settle(const report& how, time_point now) noexcept {
            if (auto* o = std::exchange(owner_, nullptr)) o->settle(*this, how, now);
        }
        void abandon() noexcept {
            if (auto* o = std::exchange(owner_, nullptr)) o->in_flight_.fetch_sub(1, std::memory_order_relaxed);
        }

    private:
        friend adaptive_limiter;
        permit(adaptive_limiter& owner, time_point entered, std::uint32_t in_flight) noexcept
            : owner_(&owner), entered_(entered), in_flight_(in_flight) {}
        adaptive_limiter* owner_;
        time_point entered_;
        std::uint32_t in_flight_;
    };

    // Throws configuration_error when the options cannot be meant.
    explicit adaptive_limiter(adaptive_limiter_options options = {});
    adaptive_limiter(const adaptive_limiter&) = delete;
    adaptive_limiter& operator=(const adaptive_limiter&) = delete;

    // A permit, or errc::bulkhead_full when the limit's worth of calls is in flight. Never more than that are
    // admitted; when the limit falls, those in flight stay.
    std::expected<permit, rejection> enter(time_point now) noexcept;

    adaptive_limiter_snapshot snapshot() const noexcept;
    const adaptive_limiter_options& options() const noexcept { return options_; }

private:
    struct window {
        time_point ends_at{};
        time_point last_at{};  // of its newest call
        double rtt_sum = 0;    // ns
        std::uint32_t successes = 0;
        std::uint32_t drops = 0;
        std::uint32_t in_flight = 0;
        std::uint32_t calls() const noexcept { return successes + drops; }
    };

    void settle(const permit& p, const report& how, time_point now) noexcept;
    void step(const limit_sample& sample) noexcept;
    void publish() noexcept;

    const adaptive_limiter_options options_;
    std::atomic<std::uint32_t> limit_;
    std::atomic<std::uint32_t> in_flight_{0};
    std::atomic<std::uint64_t> rejected_{0};

    mutable detail::spin_lock<detail::native_platform> lock_;  // guards all below
    window window_;
    std::variant<gradient2_state, vegas_state> state_;
    splitmix64 random_;
    std::uint64_t drops_ = 0;
    std::uint64_t samples_ = 0;
};

}  // namespace fusebox
