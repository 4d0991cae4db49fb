// What a coroutine allocates that calls through a pipeline again and again.

#include "allocation_count.hpp"
#include "pipelines.hpp"

#include <fusebox/asio/execute.hpp>

#include <gtest/gtest.h>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace {

namespace net = boost::asio;

net::awaitable<int> one() {
    co_return 1;
}

// The allocations of a thousand calls, after the first few.
template <class Pipeline>
net::awaitable<void> call_often(Pipeline& calls, std::uint64_t& allocated) {
    const auto operation = [] { return one(); };
    std::uint64_t before = 0;
    for (int i = 0; i < 1010; ++i) {
        if (i == 10) before = bench::allocations();
        auto running = fusebox::asio::execute(calls, operation);
        (void)co_await std::move(running);
    }
    allocated = bench::allocations() - before;
}

template <class... P>
std::uint64_t allocations_through(P&... policy) {
    fusebox::pipeline calls{policy...};
    net::io_context loop(1);
    std::uint64_t allocated = UINT64_MAX;
    auto all = call_often(calls, allocated);
    net::co_spawn(loop, std::move(all), net::detached);
    loop.run();
    return allocated;
}

// Asio keeps two frames of a thread for those that come after them: execute()'s, and the operation's.
TEST(coroutine_pipelines, allocate_nothing_in_the_steady_state) {
    bench::policies p;
    EXPECT_EQ(allocations_through(), 0u);
    EXPECT_EQ(allocations_through(p.again), 0u);
    EXPECT_EQ(allocations_through(p.counted), 0u);
    EXPECT_EQ(allocations_through(p.places), 0u);
    EXPECT_EQ(allocations_through(p.again, p.counted, p.places), 0u);
}

// The operation is then a coroutine of its own, whose first frame is the third that is alive: one more than Asio
// keeps, unless it is told to keep more.
TEST(coroutine_pipelines, allocate_under_a_deadline_what_asio_does_not_keep) {
    const std::uint64_t a_call = BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE > 2 ? 0 : 2;
    bench::policies p;
    EXPECT_EQ(allocations_through(p.per_try), 1'000 * a_call);
    EXPECT_EQ(allocations_through(p.again, p.counted, p.places, p.per_try), 1'000 * a_call);
}

TEST(coroutine_pipelines, allocate_nothing_for_a_refusal) {
    bench::policies p;
    EXPECT_EQ(allocations_through(p.again, p.open, p.places, p.per_try), 0u);
}

}  // namespace
