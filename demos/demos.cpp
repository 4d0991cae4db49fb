#include <demos.hpp>

#include <chaos/demo.hpp>
#include <fault-injection/demo.hpp>
#include <health-check/demo.hpp>
#include <offers/demo.hpp>
#include <orders/demo.hpp>

std::span<const stage::demo* const> all_demos() {
    static const stage::demo* const all[] = {&health_check::demo, &fault_injection::demo, &orders::demo, &offers::demo,
                                             &chaos::demo};
    return all;
}
