// Options to start from, by what is called. See docs/choosing-thresholds.md for where the values come from.
//
// The six service types have, for the middle of each range: failures within a minute that open, the
// time to recovery, and the successes in a row that close again.
#pragma once

#include <fusebox/circuit_breaker_options.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace fusebox {

// The ranges within which the values of a service type should stay.
struct service_profile {
    template <class T>
    struct range {
        T from;
        T to;
        bool contains(T v) const noexcept { return from <= v && v <= to; }
    };

    std::string_view name;
    range<std::uint32_t> failure_threshold;
    range<std::chrono::seconds> recovery;
    range<std::uint32_t> success_threshold;
    std::string_view reason;
};

// external_api, database, internal_service, cache, ml_inference, message_queue.
std::span<const service_profile> service_profiles() noexcept;

namespace presets {

circuit_breaker_options external_api();      // a third party that recovers slowly
circuit_breaker_options database();          // critical, expected back soon
circuit_breaker_options internal_service();  // called often, tolerant
circuit_breaker_options cache();             // not critical, back at once
circuit_breaker_options ml_inference();      // slow by nature
circuit_breaker_options message_queue();     // buffers, recovers gradually

// The textbook's: opens after so many failures in a row, waits, and one trial decides. Nothing is spread or grows.
// `failures` 1 to 1 000 000, `open_for` above 0.
circuit_breaker_options textbook(std::uint32_t failures = 5, duration open_for = std::chrono::seconds{30});
circuit_breaker_options classic();  // 5 failures within 60 s, 60 s, one success; nothing is spread or grows

circuit_breaker_options hystrix();       // Hystrix's defaults: 50 % of at least 20 calls in 10 s, 5 s, one trial
circuit_breaker_options resilience4j();  // 50 % failed, or slower than 2 s, of 10 calls (at least 5); 30 s; 3 trials

circuit_breaker_options high_traffic();  // 5 failures in a row, 60 s
circuit_breaker_options low_latency();   // 2 failures in a row, 10 s
circuit_breaker_options critical();      // 1 failure, 120 s: opens on a blip; think twice

}  // namespace presets

// The preset of that name (as above, `-` for `_` allowed), or nothing.
std::optional<circuit_breaker_options> find_preset(std::string_view name);

// All names that find_preset() knows.
std::span<const std::string_view> preset_names() noexcept;

}  // namespace fusebox
