// The time of day as services write it. Thread-safety: free functions.
#pragma once

#include <string>

namespace stage {

// The present, as ISO 8601 has it: "2026-01-31T12:00:00.123456Z".
std::string timestamp();

}  // namespace stage
