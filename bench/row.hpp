// One row of a benchmark: a step that is repeated; told are its CPU time and its allocations per call.
#pragma once

#include "allocation_count.hpp"
#include "work.hpp"

#include <benchmark/benchmark.h>

#include <expected>
#include <functional>
#include <string>
#include <thread>

namespace bench {

// Adds to the row what it allocated per call since `before` was read.
inline void report_allocations(benchmark::State& state, std::uint64_t before) {
    if (state.thread_index() != 0) return;
    const auto calls = double(state.iterations()) * state.threads();
    state.counters["allocations"] = double(allocations() - before) / calls;
}

// Registers `step(i)` as the body of the row `name`.
template <class Step>
benchmark::internal::Benchmark* row(const std::string& name, Step step) {
    return benchmark::RegisterBenchmark(name.c_str(), [step](benchmark::State& state) {
        int i = 0;
        const auto before = allocations();
        for (auto _ : state) benchmark::DoNotOptimize(step(i++));
        report_allocations(state, before);
    });
}

// What ratios are taken against.
inline void register_bare_calls() {
    row("bare call", [](int i) { return work(i); });
    static std::function<int(int)> erased = work;
    benchmark::ClobberMemory();
    row("std::function", [](int i) { return erased(i); });
}

// The result of a protected call as a number that the optimizer must make.
template <class Error>
int outcome(const std::expected<int, Error>& result) {
    return result ? *result : -1;
}

// To be called first, with the arguments of the program; false when they cannot be meant.
inline bool start(int& argc, char** argv) {
    // Until a program's second thread, the C library elides a mutex's atomics. No server is like that.
    std::thread([] {}).join();
    benchmark::Initialize(&argc, argv);
    return !benchmark::ReportUnrecognizedArguments(argc, argv);
}

}  // namespace bench
