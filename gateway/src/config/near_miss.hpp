// What was probably meant: the nearest of the known words. Private.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fusebox::gateway::config {

// The number of letters to put in, take out, change, or swap with their neighbour, to make `a` of `b` (the
// "optimal string alignment" distance).
unsigned edit_distance(std::string_view a, std::string_view b);

// "; did you mean \"retry\"?", or "; there are: …", or nothing when nothing is known.
std::string suggestion(std::string_view written, std::span<const std::string> known);

}  // namespace fusebox::gateway::config
