#include <health-check/program.hpp>

int main(int argc, char** argv) {
    return health_check::run_program({argv + 1, static_cast<std::size_t>(argc - 1)}, "fusebox-demo-health-check");
}
