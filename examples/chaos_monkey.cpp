// A hundred calls, ten a second, every other one of which the monkey makes fail: does the breaker do its work?
#include <fusebox/chaos.hpp>
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/testing/manual_runtime.hpp>

#include <iostream>

using namespace std::chrono_literals;

int main() {
    fusebox::testing::manual_runtime runtime;  // ten seconds pass at once
    fusebox::circuit_breaker breaker{"api",
                                     {.failure_count_threshold = 5,
                                      .window = fusebox::time_window{60, 1s},
                                      .open_for = 3s,
                                      .open_jitter = 0,
                                      .half_open_calls = 1},
                                     runtime.clock()};
    fusebox::chaos monkey{{.fault_rate = 0.5, .seed = 3}, runtime.time.now()};
    fusebox::pipeline calls{breaker, monkey};
    calls.use(runtime);

    for (int i = 0; i < 100; ++i) {
        std::cout << "Call " << i << ": ";
        try {
            const auto answer = calls.call([] { return 200; });
            std::cout << (answer ? "SUCCESS\n" : "BLOCKED (circuit open)\n");
        } catch (const fusebox::injected_fault& fault) {
            std::cout << "FAILED (" << fault.what() << ")\n";
        }
        runtime.time.advance(100ms);
    }
    const auto seen = breaker.snapshot();
    std::cout << to_string(seen.state) << ": " << seen.totals.successes << " successes, " << seen.totals.failures
              << " failures, " << seen.totals.rejected << " blocked, opened " << seen.totals.openings << " times\n";
}
