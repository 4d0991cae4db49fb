// While the catalogue is down, its last good answer serves, up to five minutes old; then an empty page.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/fallback.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/testing/manual_runtime.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

int main() {
    fusebox::testing::manual_runtime runtime;  // a program leaves it out, and lives by the system's time
    fusebox::circuit_breaker breaker{"catalogue", {.consecutive_failures = 2}, runtime.clock()};
    fusebox::last_good<std::string> last_page;
    const auto with_age = [](const std::string& page, fusebox::duration age) {
        return page + ", as of " + std::to_string(age / 1s) + " s ago";
    };
    const auto old_page = fusebox::stale(last_page, 5min, with_age);
    fusebox::pipeline calls{fusebox::fallback{fusebox::always(old_page), fusebox::always("no offers")}, breaker};
    calls.use(runtime);

    bool catalogue_is_up = true;
    const auto fetch_page = [&]() -> std::string {
        if (!catalogue_is_up) throw std::runtime_error("connection refused");
        return "12 offers";
    };
    const auto call = [&] { std::cout << *calls.call(fetch_page) << " [" << to_string(breaker.state()) << "]\n"; };

    call();
    catalogue_is_up = false;
    for (const auto pause : {30s, 30s, 30s, 300s}) {
        runtime.time.advance(pause);
        call();
    }
}
