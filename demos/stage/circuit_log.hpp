// A circuit on the terminal: its transitions, explained to somebody who sees them for the first time, and its state.
#pragma once

#include <stage/console.hpp>

#include <fusebox/circuit_breaker.hpp>

#include <string>

namespace stage {

enum class explanations { left_out, given };

// Prints each transition until the subscription is destroyed. `circuit` and `screen` must outlive it.
fusebox::subscription log_transitions(fusebox::circuit_breaker& circuit, console& screen, explanations wanted);

// ", trial in 5 s" for an open circuit; ", ready for a trial" once the next call makes one; nothing for others.
std::string next_trial_of(const fusebox::circuit_snapshot& circuit);
// "OPEN 3/3, trial in 5 s", for a circuit that counts failures in a row.
std::string state_of(const fusebox::circuit_breaker& circuit);
// "ok 7 | failed 3 | refused 12": its calls so far.
std::string calls_of(const fusebox::circuit_breaker& circuit);

}  // namespace stage
