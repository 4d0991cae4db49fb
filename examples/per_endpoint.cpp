// A breaker for each endpoint, made when first needed: one that fails keeps no call from the others. Endpoints may
// come from strangers, so their number is bounded: the one not asked for the longest is forgotten.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/keyed.hpp>

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

int main() {
    const auto make = [](std::string_view endpoint) {
        const fusebox::circuit_breaker_options options{.consecutive_failures = 3};
        return std::make_shared<fusebox::circuit_breaker>(std::string(endpoint), options);
    };
    fusebox::keyed<fusebox::circuit_breaker> breakers{make, {.capacity = 3}};

    const auto fetch = [](std::string_view endpoint) -> std::string {
        if (endpoint == "/search") throw std::runtime_error("HTTP 503");
        return "HTTP 200";
    };
    const auto call = [&](std::string_view endpoint) {
        std::cout << endpoint << ": ";
        try {
            const auto answer = breakers.get(endpoint)->call([&] { return fetch(endpoint); });
            std::cout << (answer ? *answer : "refused, the circuit is open") << "\n";
        } catch (const std::exception& failure) {
            std::cout << failure.what() << "\n";
        }
    };

    for (int i = 0; i < 4; ++i) call("/search");
    for (const char* endpoint : {"/users", "/orders", "/offers"}) call(endpoint);
    const auto known = breakers.snapshot();
    std::cout << known.size << " endpoints known, " << known.evictions << " forgotten\n";
}
