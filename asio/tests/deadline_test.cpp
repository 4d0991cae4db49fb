// Under a deadline an operation is a coroutine of its own: what it gives, or throws, comes through all the same.
#include <fusebox/asio/execute.hpp>
#include <fusebox/asio/virtual_time.hpp>

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <stdexcept>

using namespace std::chrono_literals;
using namespace fusebox;
namespace net = boost::asio;

namespace {

// Cannot be made of nothing.
struct order {
    explicit order(int n) : number(std::make_unique<int>(n)) {}
    std::unique_ptr<int> number;
};

struct under_a_deadline : ::testing::Test {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{"b", {.consecutive_failures = 3, .open_jitter = 0}, &time};
    timeout per_try{3s};
    pipeline<circuit_breaker&, timeout&> calls{breaker, per_try};

    net::awaitable<void> nap(duration d) {
        fusebox::asio::virtual_timer timer(time.context());
        timer.expires_after(d);
        co_await timer.async_wait(net::use_awaitable);
    }

    template <class F, class Result>
    net::awaitable<void> store(F& operation, std::optional<Result>& into, std::exception_ptr& thrown) {
        try {
            auto running = fusebox::asio::execute(calls, operation, default_classifier{}, runtime_of(time));
            auto got = co_await std::move(running);
            into.emplace(std::move(got));
        } catch (...) {
            thrown = std::current_exception();
        }
    }

    template <class F>
    auto run(F operation) {
        std::optional<fusebox::detail::call_result_t<fusebox::asio::detail::awaited_t<F>>> out;
        std::exception_ptr thrown;
        auto task = store(operation, out, thrown);
        net::co_spawn(time.context(), std::move(task), net::detached);
        time.run();
        if (thrown) std::rethrow_exception(thrown);
        return std::move(*out);
    }
};

}  // namespace

TEST_F(under_a_deadline, a_result_that_cannot_be_made_of_nothing_comes_through) {
    const auto op = [this]() -> net::awaitable<order> {
        co_await nap(1s);
        co_return order(7);
    };
    EXPECT_EQ(*run(op)->number, 7);
    EXPECT_EQ(breaker.snapshot().totals.successes, 1u);
}

TEST_F(under_a_deadline, an_operation_may_give_nothing) {
    bool done = false;
    const auto op = [&]() -> net::awaitable<void> {
        co_await nap(1s);
        done = true;
    };
    EXPECT_TRUE(run(op));
    EXPECT_TRUE(done);
}

TEST_F(under_a_deadline, what_is_thrown_before_the_first_wait_or_after_it_reaches_the_caller) {
    const auto at_once = []() -> net::awaitable<int> { throw std::runtime_error("never a coroutine"); };
    const auto before = []() -> net::awaitable<int> {
        throw std::runtime_error("not begun");
        co_return 1;
    };
    const auto after = [this]() -> net::awaitable<order> {
        co_await nap(1s);
        throw std::runtime_error("begun");
    };
    EXPECT_THROW(run(at_once), std::runtime_error);
    EXPECT_THROW(run(before), std::runtime_error);
    EXPECT_THROW(run(after), std::runtime_error);
    EXPECT_EQ(breaker.snapshot().totals.failures, 3u);
    EXPECT_EQ(breaker.state(), circuit_state::open);
}

TEST_F(under_a_deadline, what_is_thrown_when_time_ran_out_is_a_timeout) {
    const auto op = [this]() -> net::awaitable<order> {
        co_await nap(1h);
        co_return order(7);
    };
    EXPECT_EQ(run(op).error().code, errc::timed_out);
    EXPECT_EQ(time.now(), time_point{3s});
}

TEST(handler_memory, is_for_one_handler_at_a_time_and_the_heap_for_the_others) {
    fusebox::asio::detail::handler_memory memory;
    void* const first = memory.take(200);
    void* const second = memory.take(200);
    EXPECT_NE(first, second);
    memory.give_back(second);
    memory.give_back(first);
    EXPECT_EQ(memory.take(200), first);
    memory.give_back(first);
    void* const large = memory.take(10'000);
    EXPECT_NE(large, first);
    EXPECT_EQ(memory.take(1), first);
    memory.give_back(large);
}
