// Policies in a row: order written is order nested, so the breaker hears of each try, and the retry of its refusal.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/testing/manual_runtime.hpp>

#include <expected>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

int main() {
    fusebox::testing::manual_runtime runtime;  // a program leaves it out: here, waiting takes no time
    fusebox::retry again{{.max_attempts = 3, .jitter = fusebox::jitter_kind::none}};
    fusebox::circuit_breaker breaker{"orders", {.consecutive_failures = 5, .open_jitter = 0}, runtime.clock()};
    fusebox::pipeline calls{fusebox::timeout{10s}, again, breaker, fusebox::timeout{3s}};
    calls.use(runtime);

    int failures_to_come = 2;
    const auto fetch_order = [&](const fusebox::call_context& call) -> std::expected<std::string, std::string> {
        std::cout << "  try " << call.attempt() << ", " << call.remaining(runtime.time.now()) / 1ms << " ms left\n";
        if (failures_to_come-- > 0) return std::unexpected("connection refused");
        return "order 7";
    };
    const auto call = [&] {
        const auto order = calls.call(fetch_order);
        if (order) std::cout << "answer: " << *order << "\n";
        else if (const auto* refusal = order.error().rejected()) std::cout << "refused: " << refusal->message() << "\n";
        else std::cout << "failed: " << *order.error().error() << "\n";
    };

    call();
    std::cout << "waited " << runtime.waits.at(0) / 1ms << " ms, then " << runtime.waits.at(1) / 1ms << " ms\n";
    failures_to_come = 100;
    for (int i = 0; i < 3; ++i) call();
}
