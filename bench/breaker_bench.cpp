// What a protected call costs, beside a bare call, a lock, and the breakers that people write themselves.
// The rows are explained in README.md; bench/run runs them interleaved and prints medians.

#include "circuits.hpp"
#include "peers/failure_list_breaker.hpp"
#include "peers/mutex_deque_breaker.hpp"
#include "row.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace {

using bench::outcome;
using bench::row;
using bench::work;
using fusebox::circuit_breaker;
using fusebox::circuit_breaker_options;

circuit_breaker& make(circuit_breaker_options options) {
    static std::vector<std::unique_ptr<circuit_breaker>> kept;
    auto& breaker = *kept.emplace_back(std::make_unique<circuit_breaker>("bench", std::move(options)));
    bench::warm(breaker);
    return breaker;
}

int protect(circuit_breaker& breaker, int i) {
    return outcome(breaker.call([i] { return work(i); }));
}

// One call in ten fails.
int ailing_work(int i) {
    return work(i % 10 == 0 ? -1 : i);
}

int protect_ailing(circuit_breaker& breaker, int i) {
    const auto classify = [](int result) { return result < 0 ? fusebox::verdict::failure : fusebox::verdict::success; };
    return outcome(breaker.call([i] { return ailing_work(i); }, classify));
}

int acquire_and_settle(circuit_breaker& breaker, int i) {
    auto permit = breaker.try_acquire();
    if (!permit) return static_cast<int>(permit.error().code);
    const int result = work(i);
    permit->settle(fusebox::verdict::success);
    return result;
}

void register_floor() {
    bench::register_bare_calls();
    static std::mutex mutex;
    row("mutex lock and unlock", [](int) {
        const std::scoped_lock hold(mutex);
        return 0;
    });
    row("ailing call, then mutex lock and unlock", [](int i) {
        const int result = ailing_work(i);
        const std::scoped_lock hold(mutex);
        return result;
    });
}

void register_healthy() {
    const auto healthy = [](const std::string& name, circuit_breaker_options options) {
        auto* breaker = &make(std::move(options));
        row(name, [breaker](int i) { return protect(*breaker, i); });
        row(name, [breaker](int i) { return protect(*breaker, i); })->Threads(8);
    };
    healthy("consecutive", bench::consecutive());
    healthy("consecutive, count window", bench::consecutive_counted());
    healthy("count window 100", bench::count_100());
    healthy("time window 10 x 1 s", bench::time_10s());

    auto* slow_rule = &make(bench::time_10s_slow_rule());
    row("time window, slow rule", [slow_rule](int i) { return protect(*slow_rule, i); });
    auto* permits = &make(bench::count_100());
    row("count window 100, permit", [permits](int i) { return acquire_and_settle(*permits, i); });

    static std::vector<std::unique_ptr<circuit_breaker>> many;
    const auto shared = std::make_shared<const circuit_breaker_options>(bench::count_100());
    for (int i = 0; i < 10'000; ++i) {
        many.push_back(std::make_unique<circuit_breaker>("bench", shared, nullptr));
        bench::warm(*many.back());
    }
    row("10000 breakers in turn", [](int i) { return protect(*many[static_cast<unsigned>(i) % 10'000], i); });
}

void register_unhealthy() {
    auto* open = &make(bench::fragile());
    bench::fail_once(*open);
    row("open, call", [open](int i) { return protect(*open, i); });
    row("open, call", [open](int i) { return protect(*open, i); })->Threads(8);
    row("open, permit", [open](int i) { return acquire_and_settle(*open, i); });
    row("open, permit, time lent", [open, now = fusebox::coarse_now()](int) {
        const auto permit = open->try_acquire(now);
        return permit ? 0 : static_cast<int>(permit.error().code);
    });
    auto* forced = &make(bench::count_100());
    forced->force_open();
    row("forced open, call", [forced](int i) { return protect(*forced, i); });

    auto* ailing = &make(bench::count_100());
    row("count window 100, 10 % fail", [ailing](int i) { return protect_ailing(*ailing, i); });
    row("count window 100, 10 % fail", [ailing](int i) { return protect_ailing(*ailing, i); })->Threads(8);
    auto* ailing_timed = &make(bench::time_10s());
    row("time window, 10 % fail", [ailing_timed](int i) { return protect_ailing(*ailing_timed, i); });
}

void register_reading() {
    auto* counted = &make(bench::count_100());
    row("snapshot, count window 100", [counted](int) { return counted->snapshot().window.calls; });
    auto* timed = &make(bench::time_10s());
    row("snapshot, time window", [timed](int) { return timed->snapshot().window.calls; });
    row("state", [counted](int) { return static_cast<int>(counted->state()); });
}

void register_peers() {
    static bench::mutex_deque_breaker deque{100};
    const auto through_deque = [](int i) { return deque.call([i] { return work(i); }).value_or(-1); };
    row("peer: mutex and deque", through_deque);
    row("peer: mutex and deque", through_deque)->Threads(8);

    using std::chrono::seconds;
    static bench::failure_list_breaker list{5, seconds{60}, seconds{30}};
    const auto through_list = [](int i) { return list.call([i] { return work(i); }).value_or(-1); };
    row("peer: list of failures", through_list);
    row("peer: list of failures", through_list)->Threads(8);

    static bench::failure_list_breaker open_list{1, seconds{60}, std::chrono::hours{24}};
    open_list.call([] { return -1; });
    row("peer: list of failures, open", [](int i) { return open_list.call([i] { return work(i); }).value_or(-1); });
}

}  // namespace

int main(int argc, char** argv) {
    if (!bench::start(argc, argv)) return 1;
    register_floor();
    register_healthy();
    register_unhealthy();
    register_reading();
    register_peers();
    benchmark::RunSpecifiedBenchmarks();
}
