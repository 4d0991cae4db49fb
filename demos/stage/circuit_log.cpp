#include <stage/circuit_log.hpp>

#include <stage/transition_line.hpp>

#include <fmt/format.h>

namespace stage {

namespace {

std::string explanation(const fusebox::circuit_event& e, std::uint64_t refused) {
    if (e.to == fusebox::circuit_state::open)
        return fmt::format("calls are refused at once, none reaches the service behind; trial in {} s",
                           fusebox::ceil_seconds(e.retry_after).count());
    if (e.to == fusebox::circuit_state::half_open)
        return fmt::format("one trial call goes through ({} calls refused so far)", refused);
    return "the trial call succeeded: all calls go through again";
}

}  // namespace

fusebox::subscription log_transitions(fusebox::circuit_breaker& circuit, console& screen, explanations wanted) {
    return circuit.subscribe(
        [&circuit, &screen, wanted](const fusebox::circuit_event& e) {
            screen.print(transition_line(e, screen.is_interactive()));
            if (wanted == explanations::given) screen.print("   " + explanation(e, circuit.snapshot().totals.rejected));
        },
        fusebox::transition_events);
}

std::string next_trial_of(const fusebox::circuit_snapshot& circuit) {
    if (circuit.state != fusebox::circuit_state::open) return "";
    if (circuit.retry_after <= fusebox::duration{0}) return ", ready for a trial";
    return fmt::format(", trial in {} s", fusebox::ceil_seconds(circuit.retry_after).count());
}

std::string state_of(const fusebox::circuit_breaker& circuit) {
    const auto now = circuit.snapshot();
    return fmt::format("{} {}/{}{}", shouted(to_string(now.state)), now.consecutive_failures,
                       circuit.options()->consecutive_failures.value_or(0), next_trial_of(now));
}

std::string calls_of(const fusebox::circuit_breaker& circuit) {
    const auto totals = circuit.snapshot().totals;
    return fmt::format("ok {} | failed {} | refused {}", totals.successes, totals.failures, totals.rejected);
}

}  // namespace stage
