// How every sub-command ends. Scripts depend on these numbers.
#pragma once

namespace fusebox::app {

enum exit_code : int {
    ok = 0,
    failed = 1,         // at run time: a file cannot be read, an address is in use
    wrong_usage = 2,    // of the command line
    wrong_config = 3,   // the configuration is invalid
    lint_warnings = 4,  // it is valid, but `check --strict` found something
};

}  // namespace fusebox::app
