// Seed 004: an offer service that falls back to cold offers while its partner is ill.
#pragma once

#include <stage/program.hpp>

namespace offers {

extern const stage::demo demo;

}  // namespace offers
