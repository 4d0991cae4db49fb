// At most two reports at a time: a slow database takes two threads of this program, and not all of them.
#include <fusebox/bulkhead.hpp>
#include <fusebox/pipeline.hpp>

#include <iostream>
#include <latch>
#include <thread>

int main() {
    fusebox::bulkhead slots{{.max_concurrent = 2}};
    fusebox::pipeline calls{slots};
    const auto call = [&](const char* who, auto operation) {
        const auto report = calls.call(operation);
        std::cout << who << ": " << (report ? "report made" : report.error().message()) << "\n";
    };

    std::latch both_are_in{2}, database_answers{1};
    const auto make_report = [&] {
        both_are_in.count_down();
        database_answers.wait();
        return "report";
    };
    {
        std::jthread first{[&] { (void)calls.call(make_report); }};
        std::jthread second{[&] { (void)calls.call(make_report); }};
        both_are_in.wait();
        std::cout << slots.snapshot().in_use << " slots in use\n";
        call("third", [] { return "report"; });
        database_answers.count_down();
    }
    std::cout << slots.snapshot().in_use << " slots in use\n";
    call("fourth", [] { return "report"; });
}
