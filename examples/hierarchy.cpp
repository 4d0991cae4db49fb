// Breakers above breakers: when half of the services behind a gateway are open, so is the circuit above them all.
#include <fusebox/circuit_hierarchy.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <expected>
#include <iostream>
#include <memory>
#include <string>

using namespace std::chrono_literals;

int main() {
    fusebox::testing::manual_clock clock;  // a program leaves it out, and lives by the system's time
    const fusebox::circuit_breaker_options options{.consecutive_failures = 2, .open_jitter = 0, .half_open_calls = 1};
    const auto breaker = [&](const char* name) {
        return std::make_shared<fusebox::circuit_breaker>(name, options, &clock);
    };
    const fusebox::circuit_node_options half{.opens_on = fusebox::open_weight{0.5}};
    const auto backend = std::make_shared<fusebox::circuit_node>(breaker("backend"), half);
    fusebox::circuit_node users{breaker("users"), {}, backend};
    fusebox::circuit_node orders{breaker("orders"), {}, backend};

    bool backend_is_up = false;
    const auto call = [&](fusebox::circuit_node& service) {
        const auto answer = service.call([&]() -> std::expected<std::string, std::string> {
            if (!backend_is_up) return std::unexpected("connection refused");
            return "HTTP 200";
        });
        std::cout << service.name() << ": ";
        if (answer) std::cout << *answer << "\n";
        else if (const auto* refusal = answer.error().rejected()) std::cout << refusal->message() << "\n";
        else std::cout << *answer.error().error() << "\n";
    };

    for (auto* service : {&users, &users, &users, &orders}) call(*service);
    clock.advance(5s);
    backend_is_up = true;
    for (auto* service : {&users, &orders}) call(*service);
}
