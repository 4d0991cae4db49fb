// The protected calls whose instructions count_instructions counts: `call_path <circuit> <calls>`
// makes so many calls between two marks. What the loop itself costs is the circuit "none".

#include "circuits.hpp"
#include "work.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

// The body of `measured` is all that is counted.
[[gnu::noinline]] void measured(fusebox::circuit_breaker* breaker, int calls) {
    for (int i = 0; i < calls; ++i) {
        int result = 0;
        if (breaker == nullptr) {
            result = bench::work(i);
        } else {
            const auto answer = breaker->call([i] { return bench::work(i); });
            result = answer ? *answer : -1;
        }
        asm volatile("" : : "r"(result) : "memory");
    }
}

fusebox::circuit_breaker_options options_of(std::string_view circuit) {
    if (circuit == "consecutive") return bench::consecutive();
    if (circuit == "consecutive-count") return bench::consecutive_counted();
    if (circuit == "count") return bench::count_100();
    if (circuit == "time") return bench::time_10s();
    if (circuit == "time-slow") return bench::time_10s_slow_rule();
    return bench::fragile();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr,
                     "usage: call_path none|consecutive|consecutive-count|count|time|time-slow|open|forced CALLS\n");
        return 2;
    }
    const std::string_view circuit = argv[1];
    const int calls = std::atoi(argv[2]);
    fusebox::circuit_breaker breaker{"bench", options_of(circuit)};
    bench::warm(breaker);
    if (circuit == "open") bench::fail_once(breaker);
    if (circuit == "forced") breaker.force_open();
    measured(circuit == "none" ? nullptr : &breaker, calls);
}
