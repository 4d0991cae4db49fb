// What can be set from the environment.
#pragma once

#include <chaos/cascade.hpp>
#include <chaos/monkey.hpp>
#include <chaos/storm.hpp>

#include <stage/environment.hpp>

namespace chaos {

struct settings {
    monkey_options monkey{};
    cascade_options cascade{};
    storm_options storm{};
    // Against a real process all times of the cascade and the storm are shorter by this.
    double real_scale = 0.1;

    // CHAOS_FAIL_RATE, CALLS, CALL_EVERY, SEED, REAL_TIMEOUT.
    static settings from(stage::environment& env);
};

}  // namespace chaos
