#include <fusebox/asio/execute.hpp>
#include <fusebox/asio/virtual_time.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>

using namespace std::chrono_literals;
using namespace fusebox;
namespace net = boost::asio;

namespace {

using answer = std::expected<int, std::string>;
using result = std::expected<int, call_error<std::string>>;

struct coroutines : ::testing::Test {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{"b", {.consecutive_failures = 3, .open_jitter = 0, .half_open_calls = 1}, &time};
    retry again{{.max_attempts = 3, .jitter = jitter_kind::none, .without_budget = true}};
    int calls = 0;

    net::awaitable<void> nap(duration d) {
        fusebox::asio::virtual_timer timer(time.context());
        timer.expires_after(d);
        co_await timer.async_wait(net::use_awaitable);
    }

    template <class Pipeline, class F>
    net::awaitable<void> store(Pipeline& p, F f, std::optional<result>& into) {
        auto running = fusebox::asio::execute(p, std::move(f), default_classifier{}, runtime_of(time));
        into = co_await std::move(running);
    }

    template <class Pipeline, class F>
    result run(Pipeline& p, F f) {
        std::optional<result> out;
        auto task = store(p, std::move(f), out);
        net::co_spawn(time.context(), std::move(task), net::detached);
        time.run();
        return out.value();
    }
};

}  // namespace

TEST_F(coroutines, retry_until_it_works_and_time_passes_in_between) {
    pipeline p{again, breaker};
    const auto op = [this]() -> net::awaitable<answer> {
        co_await nap(1s);
        if (++calls < 3) co_return answer{std::unexpect, "down"};
        co_return answer{7};
    };
    EXPECT_EQ(run(p, op), 7);
    EXPECT_EQ(time.now(), time_point{3s + 300ms});
}

TEST_F(coroutines, what_runs_out_of_time_is_cancelled_and_awaited) {
    pipeline p{breaker, timeout{3s}};
    bool awaited = false;
    const auto op = [&]() -> net::awaitable<answer> {
        try {
            co_await nap(1h);
        } catch (const boost::system::system_error&) {
            awaited = true;
        }
        co_return answer{std::unexpect, "aborted"};
    };
    EXPECT_EQ(run(p, op).error().rejected()->code, errc::timed_out);
    EXPECT_TRUE(awaited);
    EXPECT_EQ(time.now(), time_point{3s});
    EXPECT_EQ(breaker.snapshot().totals.failures, 1u);
}

TEST_F(coroutines, a_hedge_lets_the_faster_attempt_win_and_awaits_the_loser) {
    hedge twice{{.delay = 50ms}};
    pipeline p{twice, breaker, timeout{10s}};
    bool loser_ended = false;
    const auto op = [&]() -> net::awaitable<answer> {
        if (++calls == 2) {
            co_await nap(10ms);
            co_return answer{2};
        }
        try {
            co_await nap(1h);
        } catch (const boost::system::system_error&) {
            loser_ended = true;
        }
        co_return answer{std::unexpect, "aborted"};
    };
    EXPECT_EQ(run(p, op), 2);
    EXPECT_TRUE(loser_ended);
    EXPECT_EQ(time.now(), time_point{60ms});
    const auto totals = breaker.snapshot().totals;
    EXPECT_EQ(totals.successes, 1u);
    EXPECT_EQ(totals.failures, 0u);
    EXPECT_EQ(totals.ignored, 1u);
}

TEST_F(coroutines, a_hedge_sends_the_next_attempt_at_once_when_one_fails) {
    hedge twice{{.delay = 1h}};
    pipeline p{twice, breaker};
    const auto op = [&]() -> net::awaitable<answer> {
        co_await nap(1ms);
        if (++calls == 1) co_return answer{std::unexpect, "down"};
        co_return answer{2};
    };
    EXPECT_EQ(run(p, op), 2);
    EXPECT_EQ(time.now(), time_point{2ms});
}
