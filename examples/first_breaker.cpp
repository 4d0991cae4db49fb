// A breaker around a service that is down: three failures open it, and after its wait one call finds out.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <expected>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

int main() {
    fusebox::testing::manual_clock clock;  // a program leaves it out, and lives by the system's time
    fusebox::circuit_breaker breaker{
        "orders", {.consecutive_failures = 3, .open_for = 5s, .open_jitter = 0, .half_open_calls = 1}, &clock};

    bool service_is_up = false;
    const auto fetch_order = [&]() -> std::expected<std::string, std::string> {
        if (!service_is_up) return std::unexpected("connection refused");
        return "order 7";
    };
    const auto call = [&] {
        const auto order = breaker.call(fetch_order);
        if (order) std::cout << "answer:  " << *order;
        else if (const auto* refusal = order.error().rejected()) std::cout << "refused: " << refusal->message();
        else std::cout << "failed:  " << *order.error().error();
        std::cout << " [" << to_string(breaker.state()) << "]\n";
    };

    for (int i = 0; i < 4; ++i) call();
    service_is_up = true;
    clock.advance(2s);
    call();
    clock.advance(3s);
    call();
}
