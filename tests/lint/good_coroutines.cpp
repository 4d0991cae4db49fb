// The same, written so that g++ 12 compiles them rightly.
#include "coroutine_task.hpp"

task<int> named_aggregate() {
    pair_of_words two{"a", "b"};
    co_return co_await take(std::move(two));
}

task<int> a_type_with_a_constructor() {
    co_return co_await take_built(built_pair("a", "b"));
}

task<int> named_lambda(std::string s) {
    auto size = [s] { return s.size(); };
    co_return co_await run(std::move(size));
}

task<int> lambda_without_captures() {
    co_return co_await run([] { return 1; });
}

task<int> named_awaitable() {
    auto taken = take(pair_of_words{"a", "b"});
    co_return co_await std::move(taken);
}

task<pair_of_words> aggregate_of_named() {
    auto first = co_await word();
    pair_of_words two{std::move(first), "b"};
    co_return two;
}

task<int> choice_by_branches(bool b) {
    std::string s;
    if (b) s = co_await word();
    co_return static_cast<int>(s.size());
}
