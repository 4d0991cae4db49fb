// A test of your own class: a script in the place of the service, time by hand, and a record of what happened.
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/testing/event_recorder.hpp>
#include <fusebox/testing/manual_runtime.hpp>
#include <fusebox/testing/scripted_call.hpp>

#include <expected>
#include <functional>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using answer = std::expected<std::string, std::string>;

struct order_page {  // is given its service and its time: in a program, the real ones
    std::function<answer()> fetch;
    fusebox::blocking_runtime& runtime = fusebox::system_runtime();
    fusebox::circuit_breaker breaker{"orders", {.consecutive_failures = 2, .open_jitter = 0}, runtime.clock()};

    std::string show() { return breaker.call(fetch).value_or("Try again in a moment."); }
};

int main() {
    fusebox::testing::script<answer> service;
    service.then("order 7").then(std::unexpected("down"), 2s).then(std::unexpected("down"), 2s).then("order 8");
    fusebox::testing::manual_runtime runtime;
    order_page page{fusebox::testing::scripted_call{service, runtime.time}, runtime};
    fusebox::testing::event_recorder seen;
    seen.watch(page.breaker);

    const auto expect = [](const char* what, bool holds) { std::cout << (holds ? "yes: " : "NO: ") << what << "\n"; };
    expect("a good answer is shown", page.show() == "order 7");
    for (int i = 0; i < 2; ++i) expect("a failure is excused", page.show() == "Try again in a moment.");
    (void)page.show();
    expect("an open circuit asks nobody", service.calls() == 3);
    runtime.time.advance(5s);
    expect("it asks again in time", page.show() == "order 8");
    for (const auto& line : seen.lines()) std::cout << line << "\n";
}
