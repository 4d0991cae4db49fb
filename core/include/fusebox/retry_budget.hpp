// How many extra attempts a process may add to its traffic: retries and hedges draw on the same allowance.
//
// Without one, each layer that tries three times multiplies an outage's load by three, and three such
// layers by 27. With it, the load grows by `ratio` however many calls fail.
//
//   an extra attempt may start while  spent + held  <  ratio * calls + min_per_second * window
//
//   calls  first attempts within the window        spent  extra attempts started within the window
//   held   places taken for attempts that have not started yet: they sleep out their backoff
//
// A place is taken *before* the sleep, or a thousand sleepers would each find the budget unspent and
// wake together. The second term lets a quiet service retry at all; it may be used at once, so that up
// to min_per_second * window extra attempts can follow each other after an idle window. What is spent
// comes back when it leaves the window, not when the attempt succeeds: what counts is the load.
//
// Window: ten buckets of window / 10, aligned to multiples of that; covers nine to ten tenths of `window`.
// Arithmetic: in whole millionths, so that 0.07 * 100 is 7 and not a little more.
//
// Compare: Finagle's RetryBudget (a leaky token bucket over 10 s, 20 % and 10 a second), Envoy's retry
// budget (a share of the *active* requests), gRPC A6 (tokens: -1 a failure, +ratio a success).
//
// Thread-safety: all of it. note_call writes only to memory of its own thread, but for the first call
// in each bucket; the rest takes a lock for some dozen instructions.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>
#include <fusebox/detail/native_platform.hpp>
#include <fusebox/detail/spin_lock.hpp>
#include <fusebox/detail/time_ring.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace fusebox {

struct retry_budget_options {
    double ratio = 0.2;                          // extra attempts per call, 0 to 1; to the millionth
    std::uint32_t min_per_second = 3;            // allowed whatever the traffic, 0 to 1 000 000
    duration window = std::chrono::seconds{10};  // over which both are counted, 1 s to 60 s

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;

    friend bool operator==(const retry_budget_options&, const retry_budget_options&) = default;
};

struct retry_budget_snapshot {
    std::uint64_t calls = 0;      // in the window
    std::uint64_t spent = 0;      // in the window
    std::uint64_t held = 0;       // at this moment
    std::uint64_t available = 0;  // extra attempts that would be allowed now, one after the other

    std::uint64_t total_spent = 0;    // since the budget was made
    std::uint64_t total_refused = 0;  // likewise

    friend bool operator==(const retry_budget_snapshot&, const retry_budget_snapshot&) = default;
};

class retry_budget {
public:
    class reservation;

    // Throws configuration_error when options.validate() finds anything.
    explicit retry_budget(const retry_budget_options& options = {});
    retry_budget(const retry_budget&) = delete;
    retry_budget& operator=(const retry_budget&) = delete;

    // A call begins: its first attempt, not an extra one.
    void note_call(time_point now) noexcept {
        if (now.time_since_epoch().count() >= bucket_end_.load(std::memory_order_relaxed)) [[unlikely]]
            turn_to(now);
        if (auto* mine = calls_.local()) [[likely]]
            mine->add_success(only_generation);
        else homeless_calls_.fetch_add(1, std::memory_order_relaxed);
    }

    // A place for one extra attempt, or nothing when the budget is exhausted. The budget must outlive it.
    std::optional<reservation> try_reserve(time_point now) noexcept;

    // What the window holds at `now`. Changes nothing.
    retry_budget_snapshot snapshot(time_point now) const noexcept;

    const retry_budget_options& options() const noexcept { return options_; }

private:
    // The cells are a breaker's, which has generations; a budget has but this one.
    static constexpr std::uint64_t only_generation = 1;

    void turn_to(time_point now) noexcept;
    void turn_locked(time_point now) noexcept;
    void collect() const noexcept;
    std::uint64_t available(const window_snapshot& w) const noexcept;
    void spend(time_point now) noexcept;
    void give_back() noexcept;

    retry_budget_options options_;
    std::uint64_t ratio_millionths_;
    std::uint64_t floor_millionths_;
    detail::thread_cells calls_;  // of all time, by thread
    std::atomic<std::int64_t> bucket_end_;
    std::atomic<std::uint64_t> homeless_calls_{0};  // of threads without a cell

    // Apart from what every call reads.
    alignas(64) mutable detail::spin_lock<detail::native_platform> lock_;
    mutable detail::time_ring ring_;             // a "success" is a call, a "failure" an extra attempt
    mutable std::uint64_t collected_calls_ = 0;  // of the cells' sum, what is in the ring, or was
    std::uint64_t held_ = 0;
    std::uint64_t total_spent_ = 0;
    std::uint64_t total_refused_ = 0;
};

// A place in the budget. Move-only; given back when destroyed unspent, as by a cancelled sleep.
class [[nodiscard]] retry_budget::reservation {
public:
    reservation(reservation&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)) {}
    reservation& operator=(reservation&& other) noexcept {
        std::swap(budget_, other.budget_);
        return *this;
    }
    ~reservation() {
        if (budget_ != nullptr) budget_->give_back();
    }

    // The extra attempt starts: from now on it counts in the window. Idempotent.
    void spend(time_point now) noexcept {
        if (auto* budget = std::exchange(budget_, nullptr)) budget->spend(now);
    }

private:
    friend class retry_budget;
    explicit reservation(retry_budget* b) noexcept : budget_(b) {}

    retry_budget* budget_;
};

}  // namespace fusebox
