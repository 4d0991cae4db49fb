// Seed 003: chaos, a cascade and a retry storm, with and without breakers.
#pragma once

#include <stage/program.hpp>

namespace chaos {

extern const stage::demo demo;

}  // namespace chaos
