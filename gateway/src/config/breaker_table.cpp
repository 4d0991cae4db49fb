// The keys of a circuit breaker.
#include "config/table.hpp"
#include "config/values.hpp"

#include <fusebox/preset.hpp>

#include <algorithm>

namespace fusebox::gateway {

bool circuit_breaker_configuration::start_from(std::string_view preset_name) {
    auto found = find_preset(preset_name);
    if (!found) return false;
    preset = preset_name;
    options = std::move(*found);
    return true;
}

namespace config {

namespace {

constexpr std::uint64_t most_calls = 1'000'000;

shape_of<circuit_breaker_configuration> preset_name() {
    shape_of<circuit_breaker_configuration> s;
    s.type = "preset";
    for (const auto name : preset_names()) s.choices.emplace_back(name);
    s.read = [known = s.choices](std::string_view text, void* into) -> std::string {
        std::string name{text};
        std::ranges::replace(name, '-', '_');  // as find_preset() has it: one name, whichever way it is written
        const bool listed = std::find(known.begin(), known.end(), name) != known.end();
        if (listed && static_cast<circuit_breaker_configuration*>(into)->start_from(name)) return {};
        return "\"" + std::string{text.substr(0, 60)} + "\" is no preset" + suggestion(text, known);
    };
    s.write = [](const void* from) { return static_cast<const circuit_breaker_configuration*>(from)->preset; };
    return s;
}

shape_of<circuit_state> state() {
    return choice<circuit_state>({{"closed", circuit_state::closed},
                                  {"open", circuit_state::open},
                                  {"disabled", circuit_state::disabled},
                                  {"forced_open", circuit_state::forced_open},
                                  {"metrics_only", circuit_state::metrics_only}});
}

shape_of<ramp_options> ramp_section() {
    return section<ramp_options>("ramp")
        .key("shares", &ramp_options::shares, list_of(percentage()), "Shares of the traffic that pass, step by step.")
        .key("calls_per_step", &ramp_options::calls_per_step, integer<std::uint32_t>(1, 10'000),
             "Verdicts that decide each step.");
}

}  // namespace

// Of the breaker's options, the member `m`, as an accessor.
#define OPTION(m) [](auto& c) -> auto& { return c.options.m; }

shape_of<circuit_breaker_configuration> circuit_breaker_section() {
    using breaker = circuit_breaker_configuration;
    section<breaker> s{"circuit breaker"};
    s.key(
         "preset", [](auto& c) -> auto& { return c; }, preset_name(),
         "Where the values start from; the keys beside it change single ones.")
        .can_be_off([](breaker&) {}, [](const breaker& c) { return c.preset.empty(); })
        .key("scope", &breaker::scope, scope(), "What has a breaker of its own.");
    s.key("consecutive_failures", OPTION(consecutive_failures), integer<std::uint32_t>(1, most_calls),
          "Opens at so many failures in a row.")
        .key("failure_count_threshold", OPTION(failure_count_threshold), integer<std::uint32_t>(1, most_calls),
             "Opens at so many failures in the window.")
        .key("count_needs_minimum", OPTION(count_needs_minimum), boolean(),
             "So many failures open it from minimum_calls on only, like a rate.")
        .key("failure_rate_threshold", OPTION(failure_rate_threshold), percentage(),
             "Opens when this share of the calls in the window failed. 50% when no other rule is set.")
        .key("slow_call_duration", OPTION(slow_call_duration), duration_value(), "From here on a call is slow.")
        .key("slow_call_rate_threshold", OPTION(slow_call_rate_threshold), percentage(),
             "Opens when this share of the calls in the window was slow. 80% once slow_call_duration is set.")
        .key("window", OPTION(window), window(), "What the rates are taken over: a time, or a number of calls.")
        .key("minimum_calls", OPTION(minimum_calls), integer<std::uint32_t>(1, most_calls),
             "Rates count only from so many calls on. 20, or the number of calls in the window if that is smaller.");
    s.key("open_for", OPTION(open_for), duration_value(), "How long it stays open before it tries again.")
        .key("open_multiplier", OPTION(open_multiplier), number(1, 100),
             "Each re-opening in a row lasts so much longer.")
        .key("open_cap", OPTION(open_cap), duration_or_none(), "But never longer than this.")
        .key("open_jitter", OPTION(open_jitter), percentage(), "Share by which the wait is moved at random.")
        .key("open_min", OPTION(open_min), duration_value(), "Shortest wait that a Retry-After can bring.")
        .key("open_max", OPTION(open_max), duration_or_none(), "Longest wait that a Retry-After can bring.");
    s.key("half_open_calls", OPTION(half_open_calls), integer<std::uint32_t>(1, 10'000),
          "Trial calls that decide whether it closes.")
        .key("half_open_concurrency", OPTION(half_open_concurrency), integer<std::uint32_t>(1, 10'000),
             "Of them, at the same time.")
        .key("half_open_successes", OPTION(half_open_successes), integer<std::uint32_t>(1, 10'000),
             "Closes at so many successes, instead of by the thresholds above.")
        .key("trial_lease", OPTION(trial_lease), duration_value(),
             "A trial call that takes longer counts as failed; 0s for never. Twice timeout.per_try, if that is longer.")
        .key("ramp", OPTION(ramp), ramp_section(), "Lets traffic back by shares after a recovery.")
        .key("automatic_half_open", OPTION(automatic_half_open), boolean(), "Tries again without waiting for a call.")
        .key("initial_state", OPTION(initial_state), state(), "The state it starts in.")
        .key("why", &breaker::why, lines(), "The reason for these values, shown beside them.");
    return s.policy("circuit_breaker").preset(&breaker::preset).validate([](const breaker& c) {
        return c.options.validate();
    });
}

#undef OPTION

}  // namespace config

}  // namespace fusebox::gateway
