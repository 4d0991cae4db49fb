// Our own side of the comparison in ../run, which says how the two talk.

#include "circuits.hpp"
#include "work.hpp"

#include <time.h>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using fusebox::circuit_breaker;

// Makes n calls, and returns how many reached the operation.
using batch = std::function<long(long n)>;

struct row {
    batch run;
    unsigned threads;
    bool reaches;  // the operation; a refused call does not
    long n = 1000;
};

std::map<std::string, row> rows;

long cpu_ns() {
    timespec t;
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

long spread(const row& r, long n) {
    if (r.threads == 1) return r.run(n);
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < r.threads; ++i) threads.emplace_back([&] { r.run(n / r.threads); });
    return n;
}

// CPU ns per call.
double measure(const std::string& name) {
    const row& r = rows.at(name);
    const long before = cpu_ns();
    const long reached = spread(r, r.n);
    const long spent = cpu_ns() - before;
    if (r.threads == 1 && reached != (r.reaches ? r.n : 0)) throw std::logic_error(name + " did not do its work");
    return double(spent) / double(r.n);
}

// Until a batch takes a tenth of a second.
void warm_up(const std::string& name) {
    for (double ns = measure(name); ns * double(rows[name].n) < 1e8; ns = measure(name)) rows[name].n *= 2;
}

void add(const std::string& name, bool reaches, batch run) {
    rows[name] = {run, 1, reaches};
    rows[name + " @8"] = {run, 8, reaches};
}

template <class Step>
batch repeat(Step step) {
    return [step](long n) {
        long reached = 0;
        for (long i = 0; i < n; ++i) reached += step();
        return reached;
    };
}

circuit_breaker& make(fusebox::circuit_breaker_options options, bool open) {
    static std::vector<std::unique_ptr<circuit_breaker>> kept;
    options.minimum_calls = 10;
    options.open_for = options.open_cap = options.open_max = std::chrono::hours{24};
    auto& breaker = *kept.emplace_back(std::make_unique<circuit_breaker>("bench", options));
    bench::warm(breaker);
    for (int i = 0; open && i < 200; ++i) bench::fail_once(breaker);
    return breaker;
}

void add_window(const std::string& window, const fusebox::circuit_breaker_options& options) {
    for (const bool open : {false, true}) {
        circuit_breaker& breaker = make(options, open);
        const std::string what = open ? "refusal" : "call";
        add(window + " " + what, !open, repeat([&breaker] {
                const auto answer = breaker.call([] { return bench::work(1); });
                return answer ? *answer : 0;
            }));
        add(window + " permit " + what, !open, repeat([&breaker] {
                auto permit = breaker.try_acquire();
                if (!permit) return 0;
                const int result = bench::work(1);
                permit->settle(fusebox::verdict::success);
                return result;
            }));
    }
}

}  // namespace

int main() {
    static std::function<int(int)> bare = bench::work;
    add("bare", true, repeat([] { return bare(1); }));
    add_window("count", bench::count_100());
    add_window("time", bench::time_10s());
    for (auto& [name, r] : rows) warm_up(name);
    std::printf("ready fusebox, compiler %s\n", __VERSION__);
    for (std::string name; std::fflush(stdout), std::getline(std::cin, name);)
        std::printf("%.3f\n", rows.contains(name) ? measure(name) : -1.0);
}
