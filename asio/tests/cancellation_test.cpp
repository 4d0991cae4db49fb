// What happens to permits, queues and operations when a coroutine is cancelled or dropped.
#include <fusebox/asio/execute.hpp>
#include <fusebox/asio/single_flight.hpp>
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

// Bears that its first wait is cut short, and goes on to the second.
struct of_two_awaits {
    fusebox::asio::virtual_time& time;
    int& calls;

    net::awaitable<int> operator()() const {
        ++calls;
        try {
            co_await nap(time, 10s);
        } catch (const boost::system::system_error&) {}
        co_await nap(time, 1h);
        co_return 1;
    }
};

// Runs what `start` gives, cancels it at 1 s, and tells when it had ended.
template <class Start>
time_point end_of_cancelled(fusebox::asio::virtual_time& time, Start start) {
    time_point end{};
    net::cancellation_signal signal;
    auto task = start();
    const auto at_end = [&](std::exception_ptr, auto&&...) { end = time.now(); };
    net::co_spawn(time.context(), std::move(task), net::bind_cancellation_slot(signal.slot(), at_end));
    time.run(time_point{1s});
    signal.emit(net::cancellation_type::all);
    time.run(time_point{2h});
    return end;
}

template <class Pipeline>
time_point end_through(Pipeline& p, int& calls, fusebox::asio::virtual_time& time) {
    return end_of_cancelled(time, [&] {
        return fusebox::asio::execute(p, of_two_awaits{time, calls}, default_classifier{}, runtime_of(time));
    });
}

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
    EXPECT_EQ(out->error().rejected()->code, errc::cancelled);
    EXPECT_TRUE(out->error().rejected()->was_made());
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

TEST_F(cancellations, reach_an_operation_of_two_awaits_through_every_pipeline_and_flight) {
    const auto ends = [](auto&&... policy) {
        fusebox::asio::virtual_time time;
        pipeline p{std::forward<decltype(policy)>(policy)...};
        int calls = 0;
        const time_point end = end_through(p, calls, time);
        EXPECT_EQ(calls, 1);
        return end;
    };
    fusebox::testing::manual_clock clock;
    circuit_breaker breaker{"b", one_failure(), &clock};
    retry again{{.without_budget = true}};
    hedge twice{{.delay = 1h}};
    EXPECT_EQ(ends(breaker), time_point{1s});
    EXPECT_EQ(ends(again, breaker), time_point{1s});
    EXPECT_EQ(ends(breaker, timeout{2h}), time_point{1s});
    EXPECT_EQ(ends(twice, breaker), time_point{1s});
    EXPECT_EQ(ends(twice, breaker, timeout{2h}), time_point{1s});
    EXPECT_EQ(breaker.snapshot().totals.failures, 0u);

    fusebox::asio::virtual_time time;
    single_flight<int, int> flights;
    int calls = 0;
    const auto fly = [&] { return fusebox::asio::run(flights, 1, of_two_awaits{time, calls}, runtime_of(time)); };
    EXPECT_EQ(end_of_cancelled(time, fly), time_point{1s});
    EXPECT_EQ(calls, 1);
}

TEST_F(cancellations, a_flight_that_is_too_late_before_it_begins_calls_nothing) {
    fusebox::asio::virtual_time time;
    single_flight<int, int> flights;
    int calls = 0;
    std::optional<std::expected<int, rejection>> got;
    auto task = fusebox::asio::run(flights, 1, of_two_awaits{time, calls}, runtime_of(time), time.now() - 1s);
    net::co_spawn(time.context(), std::move(task),
                  [&](std::exception_ptr, std::expected<int, rejection> r) { got = std::move(r); });
    time.run();
    EXPECT_EQ(got.value().error().code, errc::timed_out);
    EXPECT_FALSE(got->error().was_made());
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(flights.snapshot().led, 0u);
}
