#include <stage/transition_line.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace stage {

std::string shouted(std::string state) {
    std::transform(state.begin(), state.end(), state.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return state;
}

std::string transition_line(const fusebox::circuit_event& transition, bool emoji) {
    std::string sign;
    std::string reason;
    // Those that were counted: in the window where they were, in a row otherwise.
    const std::uint64_t failures = transition.rule == fusebox::trip_rule::failure_count
                                       ? transition.window.failures
                                       : transition.consecutive_failures;
    switch (transition.to) {
        case fusebox::circuit_state::open:
            sign = "⚠️  ";
            reason = fmt::format(" ({} failure{})", failures, failures == 1 ? "" : "s");
            break;
        case fusebox::circuit_state::half_open:
            sign = "🔄 ";
            reason = " (testing recovery)";
            break;
        case fusebox::circuit_state::closed:
            sign = "✅ ";
            reason = " (recovered)";
            break;
        default: break;  // only an operator's doing
    }
    return fmt::format("{}Circuit breaker: {} → {}{}", emoji ? sign : "", shouted(to_string(transition.from)),
                       shouted(to_string(transition.to)), reason);
}

}  // namespace stage
