// Seed 002: a service that takes orders, the six that it calls, and a circuit breaker before each of them.
#pragma once

#include <stage/program.hpp>

namespace orders {

extern const stage::demo demo;

}  // namespace orders
