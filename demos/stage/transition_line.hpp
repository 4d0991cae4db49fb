// A breaker's transition as one line of a log.
#pragma once

#include <fusebox/circuit_event.hpp>

#include <string>

namespace stage {

// "CLOSED", "OPEN", "HALF_OPEN": a state as a person is shown it.
std::string shouted(std::string state);

// "Circuit breaker: CLOSED → OPEN (3 failures)", with an emoji in front for terminals.
std::string transition_line(const fusebox::circuit_event& transition, bool emoji);

}  // namespace stage
