// What a page shows of a circuit: its state, what that means, its failures, and when the next trial is. Stateless.
#pragma once

#include <stage/page.hpp>

#include <fusebox/circuit_snapshot.hpp>

#include <cstdint>
#include <string>

namespace stage {

// HTML. The circuit counts failures in a row, and opens at `failure_threshold` of them.
std::string circuit_panel(const fusebox::circuit_snapshot& circuit, std::uint32_t failure_threshold, language in);

}  // namespace stage
