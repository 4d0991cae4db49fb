// A demo as a program: `fusebox demo NAME`, in one terminal with all its services, or one service alone, as in a
// container.
#pragma once

#include <stage/command_line.hpp>
#include <stage/environment.hpp>
#include <stage/keys.hpp>

#include <span>

namespace stage {

struct demo {
    const char* name;   // "health-check"
    const char* about;  // one line
    const char* usage;  // the whole help
    cast services;
    own_calls calls = own_calls::some;
    // Runs what the command line names until the keys say quit. Throws std::invalid_argument for settings that cannot
    // be (environment::check() does), and cannot_listen.
    void (*run)(const command_line& line, environment& env, const keys& wanted);
};

// The arguments without the demo's name. Returns the exit status: 0, 1 when it cannot run, 2 when it was asked for
// something else.
int run_program(const demo& what, std::span<char* const> arguments);

// Until the keys, which are only signals here, say quit.
void wait_for_end(const keys& wanted);

}  // namespace stage
