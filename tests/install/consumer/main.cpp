// Uses what a user's program and its tests would: a breaker that opens, and heals on a clock made by hand.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/testing/event_recorder.hpp>
#include <fusebox/testing/scripted_call.hpp>

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
    fusebox::testing::event_recorder seen;
    seen.watch(breaker);
    fusebox::testing::script<std::expected<int, int>> service;
    service.then(std::unexpected{1}, 1s);
    (void)breaker.call(fusebox::testing::scripted_call{service, clock});
    const bool opened = breaker.state() == fusebox::circuit_state::open;
    clock.advance(24h);
    (void)breaker.call([] { return 1; });

    const auto totals = breaker.snapshot().totals;
    std::printf("opened: %d, successes: %llu\n", opened, static_cast<unsigned long long>(totals.successes));
    return opened && seen.lines().size() == 2 && totals.successes == 2 ? 0 : 1;
}
