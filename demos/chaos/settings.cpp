#include <chaos/settings.hpp>

#include <limits>

namespace chaos {

settings settings::from(stage::environment& env) {
    using namespace std::chrono_literals;
    settings all;
    all.monkey.fail_rate = env.probability("CHAOS_FAIL_RATE", all.monkey.fail_rate);
    all.monkey.calls = env.whole_number("CALLS", all.monkey.calls, 1, 1'000'000);
    all.monkey.call_every = env.seconds("CALL_EVERY", all.monkey.call_every, 0s);
    const auto seed = env.whole_number("SEED", 1, 0, std::numeric_limits<std::uint64_t>::max());
    all.monkey.seed = all.storm.seed = seed;
    const auto usual = std::chrono::round<fusebox::duration>(all.cascade.timeout * all.real_scale);
    const auto timeout = env.seconds("REAL_TIMEOUT", usual, 300ms);
    all.real_scale = std::chrono::duration<double>(timeout) / std::chrono::duration<double>(all.cascade.timeout);
    return all;
}

}  // namespace chaos
