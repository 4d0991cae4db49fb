// First light as a program: runs the demo's services, one or all three, until a key or a signal ends it. It is a
// program of its own, and `fusebox demo`.
#pragma once

#include <span>

namespace health_check {

// The arguments without the program's name, which is said in complaints. Returns the exit status: 0, 1 when it cannot
// run, 2 when it was asked for something else.
int run_program(std::span<char* const> arguments, const char* name);

}  // namespace health_check
