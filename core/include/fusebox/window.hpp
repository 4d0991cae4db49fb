// The windows over which a breaker judges: the last n verdicts, or the verdicts of the last while.
//
// count_window(n): the last n verdicts, exact.
// time_window(buckets, width): verdicts summed in buckets aligned to multiples of `width`; with B
// buckets of width w it covers between (B-1)*w and B*w. An idle gap longer than that empties it.
#pragma once

#include <fusebox/clock.hpp>

#include <cstdint>
#include <variant>

namespace fusebox {

struct count_window {
    std::uint32_t size = 100;  // verdicts, 1 to 1 000 000

    friend bool operator==(const count_window&, const count_window&) = default;
};

struct time_window {
    std::uint32_t buckets = 10;                // 1 to 3600
    duration width = std::chrono::seconds{1};  // 10 ms to 1 day

    friend bool operator==(const time_window&, const time_window&) = default;
};

using window_options = std::variant<time_window, count_window>;

// What a window holds at one moment. A value: reading one never changes the window.
struct window_snapshot {
    std::uint64_t calls = 0;       // verdicts in the window (successes and failures)
    std::uint64_t failures = 0;    // of them, failures
    std::uint64_t slow_calls = 0;  // of them, slow ones, whatever their verdict

    std::uint64_t successes() const noexcept { return calls - failures; }

    // Shares of `calls`, 0 to 1; zero when the window is empty.
    double failure_rate() const noexcept { return calls ? double(failures) / double(calls) : 0.0; }
    double slow_call_rate() const noexcept { return calls ? double(slow_calls) / double(calls) : 0.0; }

    friend bool operator==(const window_snapshot&, const window_snapshot&) = default;
};

}  // namespace fusebox
