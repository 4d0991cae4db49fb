// What a pipeline costs per blocking call, whole and policy by policy. The rows are explained in README.md;
// bench/run runs them interleaved and prints medians.

#include "pipelines.hpp"
#include "row.hpp"

#include <memory>
#include <vector>

namespace {

using bench::row;
using bench::work;
using fusebox::pipeline;

template <class Pipeline>
int through(Pipeline& calls, int i) {
    return bench::outcome(calls.call([i] { return work(i); }));
}

// A pipeline of the policies, which are named and so shared with other rows, or temporaries and kept.
template <class... P>
benchmark::internal::Benchmark* row_of(const std::string& name, P&&... policy) {
    const auto calls = std::make_shared<pipeline<P...>>(std::forward<P>(policy)...);
    return row(name, [calls](int i) { return through(*calls, i); });
}

void register_single_policies(bench::policies& p) {
    row_of("pipeline of nothing");
    row_of("retry", p.again);
    row_of("breaker, count window 100", p.counted);
    row_of("breaker, time window 10 x 1 s", p.timed);
    row_of("bulkhead", p.places);
    row_of("timeout 3 s", p.per_try);
    row_of("timeout 500 ms", p.short_limit);
    row_of("adaptive limiter", p.adaptive);
    row_of("throttler", p.throttle);
    row_of("fallback, not needed", fusebox::fallback{fusebox::always(0)});
    row_of("chaos, switched off", p.monkey);
    row_of("hedge, idle", p.second);

    // Each lets a million calls a second pass, which is too few for a benchmark.
    using limited = pipeline<std::shared_ptr<fusebox::token_bucket>>;
    static std::vector<std::unique_ptr<limited>> many;
    for (int i = 0; i < 64; ++i)
        many.push_back(std::make_unique<limited>(
            std::make_shared<fusebox::token_bucket>(fusebox::token_bucket_options{.rate = 1e6, .burst = 1'000'000})));
    row("token bucket, 64 in turn", [](int i) { return through(*many[static_cast<unsigned>(i) % 64], i); });
}

void register_whole_pipelines(bench::policies& p) {
    const auto whole = [&](const std::string& name, fusebox::circuit_breaker& breaker) {
        return row_of(name, p.again, breaker, p.places, p.per_try);
    };
    whole("retry, breaker, bulkhead, timeout", p.counted);
    whole("retry, breaker, bulkhead, timeout", p.counted)->Threads(8);
    whole("the same, time window", p.timed);
    whole("the same, breaker open", p.open);
}

}  // namespace

int main(int argc, char** argv) {
    if (!bench::start(argc, argv)) return 1;
    bench::policies policies;
    bench::register_bare_calls();
    register_single_policies(policies);
    register_whole_pipelines(policies);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::ClearRegisteredBenchmarks();  // the rows share the policies
}
