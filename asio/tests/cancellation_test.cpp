// What happens to permits, queues and operations when a coroutine is cancelled or dropped.
#include <fusebox/asio/execute.hpp>
#include <fusebox/asio/virtual_time.hpp>
#include <fusebox/bulkhead.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>

#include <optional>

using namespace std::chrono_literals;
using namespace fusebox;
namespace net = boost::asio;

namespace {

using answer = std::expected<int, std::string>;
using result = std::expected<int, call_error<std::string>>;

net::awaitable<void> nap(fusebox::asio::virtual_time& time, duration d) {
    fusebox::asio::virtual_timer timer(time.context());
    timer.expires_after(d);
    co_await timer.async_wait(net::use_awaitable);
}

// Sleeps, and notes how it ended.
struct sleeper {
    fusebox::asio::virtual_time& time;
    int& started;
    int& ended;

    net::awaitable<answer> operator()() const {
        ++started;
        bool cancelled = false;
        try {
            co_await nap(time, 1h);
        } catch (const boost::system::system_error&) {
            cancelled = true;
        }
        ++ended;
        if (cancelled) co_return answer{std::unexpect, "aborted"};
        co_return answer{1};
    }
};

struct cancellations : ::testing::Test {
    int started = 0, ended = 0;
    std::optional<result> out;

    template <class Pipeline>
    net::awaitable<void> store(fusebox::asio::virtual_time& time, Pipeline& p) {
        auto running = fusebox::asio::execute(p, sleeper{time, started, ended}, default_classifier{}, runtime_of(time));
        out = co_await std::move(running);
    }

    // Starts a call, lets `after` pass, and cancels it.
    template <class Pipeline>
    void run_and_cancel(fusebox::asio::virtual_time& time, Pipeline& p, duration after) {
        net::cancellation_signal signal;
        auto token = net::bind_cancellation_slot(signal.slot(), net::detached);
        auto task = store(time, p);
        net::co_spawn(time.context(), std::move(task), std::move(token));
        time.run(time_point{after});
        signal.emit(net::cancellation_type::all);
        time.run(time_point{2h});
    }
};

circuit_breaker_options one_failure() {
    return {.consecutive_failures = 1, .open_jitter = 0, .half_open_calls = 1};
}

}  // namespace

TEST_F(cancellations, a_caller_who_gives_up_cancels_the_operation_and_is_neutral) {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{"b", one_failure(), &time};
    retry again{{.jitter = jitter_kind::none, .without_budget = true}};
    pipeline p{again, breaker, timeout{3min}};
    run_and_cancel(time, p, 1s);
    EXPECT_EQ(started, 1);
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(*out->error().error(), "aborted");
    EXPECT_EQ(breaker.snapshot().totals.ignored, 1u);
    EXPECT_EQ(breaker.state(), circuit_state::closed);
}

TEST_F(cancellations, without_a_deadline_it_is_the_same) {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{"b", one_failure(), &time};
    pipeline p{breaker};
    run_and_cancel(time, p, 1s);
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(breaker.snapshot().totals.ignored, 1u);
}

TEST_F(cancellations, a_cancelled_waiter_leaves_the_queue) {
    fusebox::asio::virtual_time time;
    bulkhead one{{.max_concurrent = 1, .queue = 1, .queue_wait = 1h}};
    auto held = one.enter(time.now());
    pipeline p{one};
    run_and_cancel(time, p, 1s);
    EXPECT_EQ(started, 0);
    EXPECT_EQ(out->error().rejected()->code, errc::cancelled);
    EXPECT_EQ(one.snapshot().queued, 0u);
    held->settle(verdict::success, time.now());
    EXPECT_EQ(one.snapshot().in_use, 0u);
}

TEST_F(cancellations, a_queued_coroutine_gets_the_slot_that_becomes_free) {
    fusebox::asio::virtual_time time;
    bulkhead one{{.max_concurrent = 1, .queue = 1, .queue_wait = 1h}};
    auto held = one.enter(time.now());
    pipeline p{one, timeout{10s}};
    auto task = store(time, p);
    net::co_spawn(time.context(), std::move(task), net::detached);
    time.run(time_point{5s});
    EXPECT_EQ(started, 0);
    held->settle(verdict::success, time.now());
    time.run();
    EXPECT_EQ(started, 1);
    EXPECT_EQ(out->error().rejected()->code, errc::timed_out);
    EXPECT_EQ(time.now(), time_point{15s});
    EXPECT_EQ(one.snapshot().in_use, 0u);
}

TEST_F(cancellations, a_backoff_that_is_cut_short_keeps_the_last_error) {
    fusebox::asio::virtual_time time;
    retry again{{.jitter = jitter_kind::none, .base = 10s, .cap = 10s, .without_budget = true}};
    pipeline p{again, timeout{1s}};
    run_and_cancel(time, p, 5s);
    EXPECT_EQ(started, 1);
    EXPECT_EQ(out->error().rejected()->code, errc::timed_out);
}

TEST_F(cancellations, a_dropped_frame_abandons_its_trial_and_its_slot) {
    fusebox::testing::manual_clock clock;
    circuit_breaker breaker{"b", one_failure(), &clock};
    bulkhead one{{.max_concurrent = 1}};
    breaker.try_acquire()->settle(verdict::failure);
    clock.advance(5s);
    {
        fusebox::asio::virtual_time time;
        pipeline p{breaker, one, timeout{1h}};
        auto task = store(time, p);
        net::co_spawn(time.context(), std::move(task), net::detached);
        time.run(time_point{1s});
        EXPECT_EQ(started, 1);
        EXPECT_FALSE(breaker.try_acquire()) << "the trial is under way";
        EXPECT_EQ(one.snapshot().in_use, 1u);
    }  // the executor goes, and the frames with it
    EXPECT_EQ(ended, 0);
    EXPECT_FALSE(out);
    EXPECT_EQ(one.snapshot().in_use, 0u);
    EXPECT_EQ(breaker.snapshot().totals.abandoned, 1u);
    EXPECT_TRUE(breaker.try_acquire());
}

TEST_F(cancellations, a_cancelled_hedge_cancels_all_its_attempts) {
    fusebox::asio::virtual_time time;
    hedge thrice{{.delay = 1s, .max_attempts = 3}};
    circuit_breaker breaker{"b", one_failure(), &time};
    pipeline p{thrice, breaker, timeout{30min}};
    run_and_cancel(time, p, 10s);
    EXPECT_EQ(started, 3);
    EXPECT_EQ(ended, 3);
    EXPECT_EQ(out->error().rejected()->code, errc::cancelled);
    EXPECT_EQ(breaker.snapshot().totals.ignored, 3u);
}
