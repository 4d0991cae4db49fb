// Figures side by side, as text: one line each, one column for each way to run a scenario.
#pragma once

#include <chaos/cascade.hpp>
#include <chaos/storm.hpp>

#include <string>
#include <vector>

namespace chaos {

template <class Figures>
struct column {
    std::string name;
    Figures figures;
};

std::string table_of(const std::vector<column<cascade_figures>>& columns);
std::string table_of(const std::vector<column<storm_figures>>& columns);

}  // namespace chaos
