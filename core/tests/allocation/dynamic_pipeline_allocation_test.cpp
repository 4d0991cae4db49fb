// What a call through a dynamic_pipeline allocates. A program of its own: it replaces operator new.
#include <fusebox/dynamic_pipeline.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::uint64_t> allocations{0};
}

void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

// The allocations of a hundred calls, after the first one.
std::uint64_t allocations_of_calls(const std::vector<policy_spec>& policies) {
    auto made = dynamic_pipeline::make(policies).value();
    const auto call = [&] { EXPECT_EQ(made.call([] { return 1; }), 1); };
    call();
    const auto before = allocations.load();
    for (int i = 0; i < 100; ++i) call();
    return allocations.load() - before;
}

const std::vector<policy_spec> eight{timeout_options::total(),
                                     token_bucket_options{.rate = 1e6, .burst = 1000},
                                     retry_options{},
                                     circuit_breaker_spec{"b"},
                                     throttler_options{},
                                     bulkhead_options{.queue = 1},
                                     adaptive_limiter_options{},
                                     timeout_options::per_try()};

}  // namespace

TEST(calls_through_a_dynamic_pipeline, allocate_nothing_with_eight_policies) {
    EXPECT_EQ(allocations_of_calls(eight), 0u);
}

TEST(calls_through_a_dynamic_pipeline, allocate_once_with_more) {
    auto nine = eight;
    nine.insert(nine.begin(), bulkhead_options{});
    EXPECT_EQ(allocations_of_calls(nine), 100u);
}
