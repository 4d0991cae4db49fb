// Client-side adaptive throttling: a client that is turned away too often turns its own calls away, before they
// cost the overloaded service anything.
//
//   fusebox::throttler throttler;
//   auto permit = throttler.enter(now);                       // or errc::rate_limited
//   ...
//   permit->settle(fusebox::verdict::failure, later);         // not accepted
//
// After "Site Reliability Engineering" (O'Reilly 2016), chapter 21, "Handling Overload", equation 21-1:
//
//   probability of refusing = max(0, (requests - K accepts) / (requests + 1))
//
// over the last two minutes, with K = 2: the client may send twice what is accepted before it holds back, so the
// service keeps seeing some demand, and a recovery is noticed. And from a minimum of requests in the window on: one
// failure of a service that is seldom called says nothing about its load.
//
// requests  what the caller attempted: the calls that succeeded or failed, and those refused here
// accepts   the calls that succeeded; a failure was not accepted. To count as the book does, where only the
//           service's own refusals (429, 503) are not accepted, classify other errors as ignored.
// A call counts when it is settled, its request and its accept in the same bucket: counted when it enters, the
// first calls of a busy start would look refused while they are still under way. Ignored and abandoned calls
// count as neither.
//
// Thread-safety: every member may be called from any thread; each holds a lock for a few dozen instructions.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>
#include <fusebox/detail/native_platform.hpp>
#include <fusebox/detail/spin_lock.hpp>
#include <fusebox/detail/time_ring.hpp>
#include <fusebox/policy.hpp>
#include <fusebox/random.hpp>
#include <fusebox/window.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <utility>
#include <vector>

namespace fusebox {

struct throttler_options {
    // Fewer requests in the window say nothing: nobody is refused. 0 to 1 000 000; 0 and 1 are the book's own way.
    std::uint32_t minimum_requests = 5;
    double multiplier = 2.0;  // K: requests let through for each accept, 1 to 100; lower throttles sooner
    time_window window{.buckets = 24, .width = std::chrono::seconds{5}};  // two minutes, as in the book

    // Fixes who is refused, for tests; otherwise each throttler draws its own seed.
    std::optional<std::uint64_t> seed{};

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;

    friend bool operator==(const throttler_options&, const throttler_options&) = default;
};

// The probability of refusing the next call, in [0, 1).
constexpr double throttling_probability(std::uint64_t requests, std::uint64_t accepts, double multiplier) noexcept {
    const double excess = double(requests) - multiplier * double(accepts);
    return excess > 0 ? excess / (double(requests) + 1) : 0.0;
}

struct throttler_snapshot {
    std::uint64_t requests = 0;  // in the window
    std::uint64_t accepts = 0;
    double probability = 0;      // of refusing the next call
    std::uint64_t admitted = 0;  // totals
    std::uint64_t rejected = 0;
};

class throttler {
public:
    // The right to make one call. Settling is idempotent; destroyed unsettled it counts as nothing. Movable
    // between threads; must not outlive its throttler.
    class [[nodiscard]] permit {
    public:
        permit(permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        permit& operator=(permit&& other) noexcept {
            owner_ = std::exchange(other.owner_, nullptr);
            return *this;
        }
        ~permit() = default;

        void settle(const report& how, time_point now) noexcept {
            if (auto* o = std::exchange(owner_, nullptr)) o->settle(how, now);
        }

    private:
        friend throttler;
        explicit permit(throttler& owner) noexcept : owner_(&owner) {}
        throttler* owner_;
    };

    // Throws configuration_error when the options cannot be meant.
    explicit throttler(throttler_options options = {});
    throttler(const throttler&) = delete;
    throttler& operator=(const throttler&) = delete;

    // A permit, or errc::rate_limited, by chance.
    std::expected<permit, rejection> enter(time_point now) noexcept;

    // As of `now`; changes nothing.
    throttler_snapshot snapshot(time_point now) const noexcept;
    const throttler_options& options() const noexcept { return options_; }

private:
    void settle(const report& how, time_point now) noexcept;
    double probability(const window_snapshot& w) const noexcept;

    const throttler_options options_;
    mutable detail::spin_lock<detail::native_platform> lock_;  // guards all below
    detail::time_ring window_;  // a success is an accept; a failure is a request that was none
    splitmix64 random_;
    std::uint64_t admitted_ = 0;
    std::uint64_t rejected_ = 0;
};

}  // namespace fusebox
