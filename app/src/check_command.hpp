// fusebox check: says what a configuration file means, and what is wrong with it.
#pragma once

#include <expected>
#include <iosfwd>
#include <string>

namespace fusebox::app {

struct check_request {
    std::string file;     // "-" is the standard input
    bool strict = false;  // warnings are a failure too
    bool quiet = false;   // no effective configuration, only errors and warnings
    bool colour = false;  // of errors and warnings
};

// Writes the effective configuration to `out`, errors and warnings to `err`. Returns an exit_code.
int check(const check_request& request, std::ostream& out, std::ostream& err);

// The text of a file, or a sentence on why there is none.
std::expected<std::string, std::string> read_file(const std::string& name);

}  // namespace fusebox::app
