// The protected calls whose instructions count_instructions counts: `call_path <what> <calls>` makes so
// many calls between two marks. What the loop itself costs is "none".

#include "circuits.hpp"
#include "pipelines.hpp"
#include "work.hpp"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

namespace {

int calls = 0;

// The body of `measured` is all that is counted.
template <class Call>
[[gnu::noinline]] void measured(Call call) {
    const int n = calls;
    for (int i = 0; i < n; ++i) {
        int result = call(i);
        asm volatile("" : : "r"(result) : "memory");
    }
}

// Through a circuit breaker or a pipeline.
template <class Protection>
void count(Protection& protection) {
    measured([through = &protection](int i) {
        const auto answer = through->call([i] { return bench::work(i); });
        return answer ? *answer : -1;
    });
}

void count_circuit(fusebox::circuit_breaker_options options, void (*prepare)(fusebox::circuit_breaker&)) {
    fusebox::circuit_breaker breaker{"bench", std::move(options)};
    prepare(breaker);
    count(breaker);
}

template <class... P>
void count_pipeline(P&... policy) {
    fusebox::pipeline calls_through{policy...};
    (void)calls_through.call([] { return 0; });
    count(calls_through);
}

void force_open(fusebox::circuit_breaker& breaker) {
    breaker.force_open();
}

}  // namespace

int main(int argc, char** argv) {
    bench::policies p;
    const std::map<std::string, std::function<void()>> paths{
        {"none", [] { measured([](int i) { return bench::work(i); }); }},
        {"consecutive", [] { count_circuit(bench::consecutive(), bench::warm); }},
        {"consecutive-count", [] { count_circuit(bench::consecutive_counted(), bench::warm); }},
        {"count", [] { count_circuit(bench::count_100(), bench::warm); }},
        {"time", [] { count_circuit(bench::time_10s(), bench::warm); }},
        {"time-slow", [] { count_circuit(bench::time_10s_slow_rule(), bench::warm); }},
        {"open", [] { count_circuit(bench::fragile(), bench::fail_once); }},
        {"forced", [] { count_circuit(bench::count_100(), force_open); }},
        {"pipeline-empty", [] { count_pipeline(); }},
        {"pipeline-retry", [&] { count_pipeline(p.again); }},
        {"pipeline-breaker", [&] { count_pipeline(p.counted); }},
        {"pipeline-bulkhead", [&] { count_pipeline(p.places); }},
        {"pipeline-timeout", [&] { count_pipeline(p.per_try); }},
        {"pipeline", [&] { count_pipeline(p.again, p.counted, p.places, p.per_try); }},
        {"pipeline-time", [&] { count_pipeline(p.again, p.timed, p.places, p.per_try); }},
        {"pipeline-open", [&] { count_pipeline(p.again, p.open, p.places, p.per_try); }},
    };
    const auto path = argc == 3 ? paths.find(argv[1]) : paths.end();
    if (path == paths.end()) {
        std::fprintf(stderr, "usage: call_path WHAT CALLS; WHAT is one of");
        for (const auto& [name, run] : paths) std::fprintf(stderr, " %s", name.c_str());
        std::fputs("\n", stderr);
        return 2;
    }
    calls = std::atoi(argv[2]);
    path->second();
}
