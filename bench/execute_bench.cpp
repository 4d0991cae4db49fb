// What a pipeline costs a coroutine: execute() beside a bare co_await. The rows are explained in README.md.

#include "pipelines.hpp"
#include "row.hpp"

#include <fusebox/asio/execute.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>

namespace {

namespace net = boost::asio;

net::awaitable<int> work_later(int i) {
    co_return bench::work(i);
}

// The whole row is one coroutine on a loop of its own, so that nothing but the call is measured.
template <class Row, class... Args>
void row(const std::string& name, Row body, Args... args) {
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        net::io_context loop(1);
        auto all = body(state, args...);
        net::co_spawn(loop, std::move(all), net::detached);
        loop.run();
    });
}

net::awaitable<void> bare(benchmark::State& state) {
    int i = 0;
    const auto before = bench::allocations();
    for (auto _ : state) {
        auto running = work_later(i++);
        int result = co_await std::move(running);
        benchmark::DoNotOptimize(result);
    }
    bench::report_allocations(state, before);
}

template <class Pipeline>
net::awaitable<void> through(benchmark::State& state, std::shared_ptr<Pipeline> calls) {
    int i = 0;
    const auto operation = [&i] { return work_later(i++); };
    const auto before = bench::allocations();
    for (auto _ : state) {
        auto running = fusebox::asio::execute(*calls, operation);
        const auto answer = co_await std::move(running);
        int result = bench::outcome(answer);
        benchmark::DoNotOptimize(result);
    }
    bench::report_allocations(state, before);
}

template <class... P>
void row_of(const std::string& name, P&&... policy) {
    using pipeline = fusebox::pipeline<P...>;
    row(name, through<pipeline>, std::make_shared<pipeline>(std::forward<P>(policy)...));
}

}  // namespace

int main(int argc, char** argv) {
    if (!bench::start(argc, argv)) return 1;
    bench::policies p;
    bench::register_bare_calls();
    row("bare co_await", bare);
    row_of("pipeline of nothing");
    row_of("retry", p.again);
    row_of("breaker, count window 100", p.counted);
    row_of("bulkhead", p.places);
    row_of("timeout 3 s", p.per_try);
    row_of("hedge, idle", p.second);
    row_of("retry, breaker, bulkhead", p.again, p.counted, p.places);
    row_of("retry, breaker, bulkhead, timeout", p.again, p.counted, p.places, p.per_try);
    row_of("the same, breaker open", p.again, p.open, p.places, p.per_try);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::ClearRegisteredBenchmarks();
}
