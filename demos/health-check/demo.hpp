// Seed 000: three services with health checks, and a circuit breaker between the first two.
#pragma once

#include <stage/program.hpp>

namespace health_check {

extern const stage::demo demo;

}  // namespace health_check
