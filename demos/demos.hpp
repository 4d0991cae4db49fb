// The demos, as `fusebox demo` lists them.
#pragma once

#include <stage/program.hpp>

#include <span>

// The first is the one that runs when none is named.
std::span<const stage::demo* const> all_demos();
