// What no single section can know: references from one to another, and combinations that cannot work. Private.
#pragma once

#include <fusebox/gateway/configuration_file.hpp>

#include <vector>

namespace fusebox::gateway::config {

// Where `path` is written, or else the nearest thing around it that is.
text_position position_of(const checked_configuration& checked, std::string_view path);

// The order of the text.
bool comes_before(const diagnostic& a, const diagnostic& b);

// Fills in what depends on other sections: names of routes, leases of trial calls.
void complete(checked_configuration& checked);

void check(const checked_configuration& checked, std::vector<diagnostic>& errors);

}  // namespace fusebox::gateway::config
