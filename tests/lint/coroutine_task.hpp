// The least a coroutine needs, for the samples beside it, which are only parsed, never run.
#pragma once

#include <coroutine>
#include <string>
#include <utility>

template <class T>
struct task {
    struct promise_type {
        task get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void unhandled_exception() noexcept {}
        void return_value(T) {}
    };
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    T await_resume() const { return T{}; }
};

// An aggregate with a member that has a destructor, and the same with a constructor.
struct pair_of_words {
    std::string a;
    std::string b;
};
struct built_pair {
    built_pair(std::string first, std::string second) : a(std::move(first)), b(std::move(second)) {}
    std::string a;
    std::string b;
};

task<int> take(pair_of_words);
task<int> take_built(built_pair);
task<std::string> word();
task<int> number();

template <class F>
task<int> run(F f) {
    co_return static_cast<int>(f());
}
