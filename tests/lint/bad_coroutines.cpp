// Shapes that g++ 12 compiles to a double free, one a line that scripts/lint_coroutines must name.
#include "coroutine_task.hpp"

task<int> aggregate_temporary() {
    co_return co_await take(pair_of_words{"a", "b"});  // caught
}

task<int> aggregate_by_names() {
    co_return co_await take({.a = "a", .b = "b"});  // caught
}

task<int> capturing_lambda(std::string s) {
    co_return co_await run([s] { return s.size(); });  // caught
}

task<int> capturing_lambda_called_at_once(std::string s) {
    co_return co_await [s] { return number(); }();  // caught
}

task<int> capturing_lambda_that_owns(std::string s) {
    const int n = co_await run([owned = std::move(s)] { return owned.size(); });  // caught
    co_return n;
}

task<int> aggregate_of_awaited() {
    pair_of_words two{co_await word(), co_await word()};  // caught
    co_return static_cast<int>(two.a.size());
}

task<pair_of_words> aggregate_returned() {
    co_return pair_of_words{co_await word(), "b"};  // caught
}

task<int> array_of_awaited() {
    std::string both[] = {co_await word(), co_await word()};  // caught
    co_return static_cast<int>(both[0].size());
}

task<int> choice_of_awaited(bool b) {
    const std::string s = b ? co_await word() : std::string{};  // caught
    co_return static_cast<int>(s.size());
}

task<int> choice_of_argument(bool b) {
    co_return co_await take_built(b ? built_pair("a", "b") : built_pair("c", "d"));  // caught
}
