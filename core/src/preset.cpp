#include <fusebox/preset.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace fusebox {

using namespace std::chrono_literals;

std::span<const service_profile> service_profiles() noexcept {
    static constexpr std::array<service_profile, 6> profiles{{
        {"external_api", {5, 10}, {30s, 60s}, {2, 3}, "a third party that recovers slowly"},
        {"database", {3, 5}, {10s, 20s}, {1, 2}, "critical, expected back soon"},
        {"internal_service", {10, 15}, {15s, 30s}, {3, 5}, "called often, tolerant"},
        {"cache", {20, 30}, {5s, 10s}, {5, 10}, "not critical, back at once"},
        {"ml_inference", {3, 5}, {60s, 120s}, {1, 2}, "slow by nature"},
        {"message_queue", {5, 10}, {20s, 40s}, {2, 3}, "buffers, recovers gradually"},
    }};
    return profiles;
}

namespace {

template <class T>
constexpr T middle(T from, T to) {
    return (from + to + T{1}) / 2;  // rounded up
}

circuit_breaker_options middle_of(std::string_view name) {
    const auto all = service_profiles();
    const service_profile& p = *std::find_if(all.begin(), all.end(), [&](const auto& q) { return q.name == name; });
    circuit_breaker_options o;
    o.failure_count_threshold = middle(p.failure_threshold.from, p.failure_threshold.to);
    o.window = time_window{12, 5s};
    o.open_for = middle(p.recovery.from, p.recovery.to);
    o.open_multiplier = 1.0;
    o.open_cap = std::max<duration>(o.open_for, 60s);
    o.half_open_calls = middle(p.success_threshold.from, p.success_threshold.to);
    o.half_open_successes = o.half_open_calls;  // all of them: any failure re-opens
    return o;
}

// As they say it, with a wait that is neither spread nor longer each time.
circuit_breaker_options steady(duration open_for) {
    circuit_breaker_options o;
    o.open_for = open_for;
    o.open_multiplier = 1.0;
    o.open_cap = std::max<duration>(open_for, o.open_cap);
    o.open_max = std::max<duration>(open_for, o.open_max);
    o.open_jitter = 0.0;
    o.half_open_calls = 1;
    return o;
}

circuit_breaker_options in_a_row(std::uint32_t failures, std::chrono::seconds open_for) {
    circuit_breaker_options o;
    o.consecutive_failures = failures;
    o.open_for = open_for;
    o.open_multiplier = 1.0;
    o.open_cap = std::max<duration>(open_for, 60s);
    o.half_open_calls = 1;
    return o;
}

struct named_preset {
    std::string_view name;
    circuit_breaker_options (*make)();
};

constexpr std::array<named_preset, 13> all_presets{{{"external_api", presets::external_api},
                                                    {"database", presets::database},
                                                    {"internal_service", presets::internal_service},
                                                    {"cache", presets::cache},
                                                    {"ml_inference", presets::ml_inference},
                                                    {"message_queue", presets::message_queue},
                                                    {"textbook", [] { return presets::textbook(); }},
                                                    {"classic", presets::classic},
                                                    {"hystrix", presets::hystrix},
                                                    {"resilience4j", presets::resilience4j},
                                                    {"high_traffic", presets::high_traffic},
                                                    {"low_latency", presets::low_latency},
                                                    {"critical", presets::critical}}};

}  // namespace

namespace presets {

circuit_breaker_options external_api() {
    return middle_of("external_api");
}
circuit_breaker_options database() {
    return middle_of("database");
}
circuit_breaker_options internal_service() {
    return middle_of("internal_service");
}
circuit_breaker_options cache() {
    return middle_of("cache");
}
circuit_breaker_options ml_inference() {
    circuit_breaker_options o = middle_of("ml_inference");
    o.trial_lease = 2min;  // an answer that takes a minute is no lost trial
    return o;
}
circuit_breaker_options message_queue() {
    return middle_of("message_queue");
}

circuit_breaker_options textbook(std::uint32_t failures, duration open_for) {
    circuit_breaker_options o = steady(open_for);
    o.consecutive_failures = failures;
    return o;
}

circuit_breaker_options classic() {
    circuit_breaker_options o = steady(60s);
    o.failure_count_threshold = 5;
    o.window = time_window{60, 1s};
    o.half_open_successes = 1;
    return o;
}

circuit_breaker_options hystrix() {
    circuit_breaker_options o = steady(5s);
    o.failure_rate_threshold = 0.5;
    o.minimum_calls = 20;
    o.window = time_window{10, 1s};
    return o;
}

circuit_breaker_options resilience4j() {
    circuit_breaker_options o = steady(30s);
    o.failure_rate_threshold = 0.5;
    o.slow_call_duration = 2s;
    o.slow_call_rate_threshold = 0.5;
    o.window = count_window{10};
    o.minimum_calls = 5;
    o.half_open_calls = o.half_open_concurrency = 3;
    o.automatic_half_open = true;
    return o;
}

circuit_breaker_options high_traffic() {
    return in_a_row(5, 60s);
}
circuit_breaker_options low_latency() {
    return in_a_row(2, 10s);
}
circuit_breaker_options critical() {
    return in_a_row(1, 120s);
}

}  // namespace presets

std::optional<circuit_breaker_options> find_preset(std::string_view name) {
    std::string wanted(name);
    std::replace(wanted.begin(), wanted.end(), '-', '_');
    const auto found =
        std::find_if(all_presets.begin(), all_presets.end(), [&](const named_preset& p) { return p.name == wanted; });
    if (found == all_presets.end()) return std::nullopt;
    return found->make();
}

std::span<const std::string_view> preset_names() noexcept {
    static constexpr auto names = [] {
        std::array<std::string_view, all_presets.size()> out{};
        std::transform(all_presets.begin(), all_presets.end(), out.begin(), [](const auto& p) { return p.name; });
        return out;
    }();
    return names;
}

}  // namespace fusebox
