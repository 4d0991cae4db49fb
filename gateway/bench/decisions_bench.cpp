// What the gateway's decisions cost: choosing an endpoint, and finding a route. The figures to look at are the
// differences along a row: from 10 endpoints to 10 000, from 1 route to 1000.
#include "endpoints/balancer.hpp"
#include "routing/router.hpp"
#include "text/stable_hash.hpp"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;
using namespace std::chrono_literals;

void pick(benchmark::State& state, balancing algorithm) {
    upstream_options options;
    options.balance.algorithm = algorithm;
    options.balance.maglev_size = 1'000'003;
    upstream u("orders", options, 2);
    std::vector<endpoint_spec> specs;
    for (int i = 0; i < state.range(0); ++i) {
        const std::string id = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
        specs.push_back({id, id + ":80", 1u + static_cast<std::uint32_t>(i) % 3});
    }
    time_point now{1000s};
    if (!u.assign(specs, now)) return state.SkipWithError("refused");
    balancer b(u, 0, 42);
    splitmix64 random(7);
    for (auto _ : state) {
        auto chosen = b.pick({.hash = random.next()}, now);
        now += 1us;
        chosen->settle(verdict::success, now);
    }
}

void match(benchmark::State& state) {
    std::vector<route_pattern> routes;
    for (int i = 0; i < state.range(0); ++i)
        routes.push_back(
            {.host = "shop" + std::to_string(i % 10) + ".example.com", .path = "/api/v1/service" + std::to_string(i)});
    const router r = *router::make(routes);
    const int last = static_cast<int>(state.range(0)) - 1;
    const std::string host = "shop" + std::to_string(last % 10) + ".example.com",
                      path = "/api/v1/service" + std::to_string(last) + "/orders/12345";
    if (!r.match({host, path, "GET"})) return state.SkipWithError("no route");
    for (auto _ : state) benchmark::DoNotOptimize(r.match({host, path, "GET"}));
}

}  // namespace

BENCHMARK_CAPTURE(pick, round_robin, balancing::round_robin)->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(pick, random, balancing::random)->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(pick, least_request, balancing::least_request)->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(pick, peak_ewma, balancing::peak_ewma)->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(pick, ring_hash, balancing::ring_hash)->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(pick, maglev, balancing::maglev)->Arg(10)->Arg(10'000);
BENCHMARK(match)->Arg(1)->Arg(10)->Arg(100)->Arg(1000);

BENCHMARK_MAIN();
