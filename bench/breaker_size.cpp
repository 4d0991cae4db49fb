// Prints what one breaker takes of memory: itself, what it keeps on the heap, and apart from these what
// it shares with others. Linked to allocation_count.cpp.

#include "allocation_count.hpp"
#include "circuits.hpp"

#include <cstdio>
#include <memory>
#include <optional>

namespace {

// The heap bytes of one more breaker with options that it shares with others, when all is well.
void print(const char* what, fusebox::circuit_breaker_options options, unsigned goal) {
    const auto shared = std::make_shared<const fusebox::circuit_breaker_options>(std::move(options));
    fusebox::circuit_breaker first{"first", shared, nullptr};  // makes what is shared by all
    bench::warm(first);
    const auto asked = bench::allocated_bytes();
    const auto taken = bench::allocator_bytes();
    std::optional<fusebox::circuit_breaker> one;
    one.emplace("one", shared, nullptr);
    bench::warm(*one);
    const auto heap = bench::allocated_bytes() - asked;
    std::printf("%-18s %4zu B itself + %3lu B heap = %4lu B (goal %u); with malloc's own: %lu B\n", what, sizeof *one,
                heap, sizeof *one + heap, goal, sizeof *one + bench::allocator_bytes() - taken);
}

}  // namespace

int main() {
    print("count window 100", bench::count_100(), 192);
    print("time window 10", bench::time_10s(), 512);
    std::printf(
        "shared: %zu B of options, by all breakers made with one set; %zu B of counters per thread that calls\n",
        sizeof(fusebox::circuit_breaker_options), sizeof(fusebox::detail::thread_cells::cell));
}
