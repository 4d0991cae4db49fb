#include <demos.hpp>

#include <health-check/demo.hpp>

std::span<const stage::demo* const> all_demos() {
    static const stage::demo* const all[] = {&health_check::demo};
    return all;
}
