// Passive outlier ejection of one endpoint: what the traffic itself says of it.
//
//   time out = base * multiplier^n, at most `cap`;  n = ejections in a row before this one
//
// After its time the endpoint gets one trial call. A success brings it back, a failure ejects it again for
// longer. An endpoint that stays in for as long as it was out last has a clean record again.
//
// Passes of active checks may shorten the time, never end the ejection by themselves: after so many passes of
// checks that began after the ejection, the trial is due at once. A failed check begins that count again.
//
// Thread-safety: none; time is an argument. The counting of results is in endpoint.hpp.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace fusebox::gateway {

struct ejection_options {
    std::optional<std::uint32_t> consecutive_failures = 5;  // failures in a row that eject, 1 to 1 000 000; or off
    std::optional<double> failure_rate{};                   // failures / calls of an interval, in (0, 1]; or off
    std::uint32_t minimum_calls = 20;                       // of an endpoint in an interval, for a rate to count; >= 1
    duration interval = std::chrono::seconds{10};           // > 0
    duration base = std::chrono::seconds{30};               // > 0
    double multiplier = 2;                                  // 1 to 100
    duration cap = std::chrono::minutes{5};                 // >= base
    duration trial_lease = std::chrono::seconds{10};        // a trial call that takes longer counts as failed; > 0

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const ejection_options&, const ejection_options&) = default;
};

enum class ejection_reason : unsigned char { consecutive_failures, failure_rate, trial_failed };

// "consecutive_failures", "failure_rate", "trial_failed".
const char* to_string(ejection_reason) noexcept;

class ejection {
public:
    // Ejects, or does nothing when it is ejected already.
    void eject(ejection_reason why, double failure_rate, const ejection_options& options, time_point now) noexcept;

    // A trial call of this ejection (see number()) ended. Of another ejection, or too early: nothing.
    void trial_ended(bool success, std::uint64_t number, const ejection_options& options, time_point now) noexcept;

    // An active check that began at `began` has ended.
    void checked(bool pass, time_point began, std::uint32_t healthy_threshold, time_point now) noexcept;

    bool active() const noexcept { return active_; }
    bool trial_due(time_point now) const noexcept { return active_ && now >= until_; }
    std::uint64_t number() const noexcept { return number_; }  // advanced by every ejection
    std::uint32_t in_a_row() const noexcept { return in_a_row_; }
    ejection_reason reason() const noexcept { return reason_; }
    double failure_rate() const noexcept { return failure_rate_; }
    time_point since() const noexcept { return since_; }
    time_point until() const noexcept { return until_; }  // of an active one; otherwise when the last one ended

private:
    bool active_ = false;
    ejection_reason reason_ = ejection_reason::consecutive_failures;
    std::uint32_t in_a_row_ = 0;
    std::uint32_t passes_ = 0;
    std::uint64_t number_ = 0;
    double failure_rate_ = 0;
    duration length_{0};  // of the newest ejection
    time_point since_{};
    time_point until_{};
};

}  // namespace fusebox::gateway
