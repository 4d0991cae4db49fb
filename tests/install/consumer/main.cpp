// Uses what a user's program would: a breaker that opens, and heals on a clock made by hand.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <chrono>
#include <cstdio>
#include <expected>
#include <thread>

int main() {
    using namespace std::chrono_literals;
    fusebox::testing::manual_clock clock;
    fusebox::circuit_breaker breaker{"consumer", {.consecutive_failures = 1}, &clock};

    // On another thread: the per-thread counters must work across a shared library's border, too.
    std::thread{[&] { (void)breaker.call([] { return 1; }); }}.join();
    (void)breaker.call([]() -> std::expected<int, int> { return std::unexpected{1}; });
    const bool opened = breaker.state() == fusebox::circuit_state::open;
    clock.advance(24h);
    (void)breaker.call([] { return 1; });

    const auto totals = breaker.snapshot().totals;
    std::printf("opened: %d, successes: %llu\n", opened, static_cast<unsigned long long>(totals.successes));
    return opened && totals.successes == 2 ? 0 : 1;
}
