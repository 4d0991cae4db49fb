// Seed 001: a service with a circuit breaker, and one that fails and dawdles at the press of a button.
#pragma once

#include <stage/program.hpp>

namespace fault_injection {

extern const stage::demo demo;

}  // namespace fault_injection
