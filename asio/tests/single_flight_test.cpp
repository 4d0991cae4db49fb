#include <fusebox/asio/single_flight.hpp>
#include <fusebox/asio/virtual_time.hpp>
#include <fusebox/cache.hpp>

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>

#include <deque>
#include <stdexcept>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using namespace fusebox;
namespace net = boost::asio;

namespace {

template <class T>
struct caller {
    net::cancellation_signal signal;
    std::optional<fusebox::detail::call_result_t<T>> got;
    std::string thrown;
    time_point at{};
};

template <class T>
struct flying {
    single_flight<std::string, T> flights;
    std::deque<caller<T>> callers;
    int calls = 0;

    template <class F>
    net::awaitable<void> ask(fusebox::asio::virtual_time& time, caller<T>& me, F fetch, time_point deadline) {
        try {
            auto running = fusebox::asio::run(flights, "key", fetch, runtime_of(time), deadline);
            auto got = co_await std::move(running);
            me.got.emplace(std::move(got));
        } catch (const std::exception& e) {
            me.thrown = e.what();
        }
        me.at = time.now();
    }
    // One more caller, who runs until it has to wait.
    template <class F>
    caller<T>& call(fusebox::asio::virtual_time& time, F fetch, time_point deadline = time_point::max()) {
        caller<T>& me = callers.emplace_back();
        auto token = net::bind_cancellation_slot(me.signal.slot(), net::detached);
        auto task = ask(time, me, std::move(fetch), deadline);
        net::co_spawn(time.context(), std::move(task), std::move(token));
        time.run(time.now());
        return me;
    }
    void cancel(fusebox::asio::virtual_time& time, caller<T>& who) {
        who.signal.emit(net::cancellation_type::all);
        time.run(time.now());
    }
};

net::awaitable<void> nap(fusebox::asio::virtual_time& time, duration d) {
    fusebox::asio::virtual_timer timer(time.context());
    timer.expires_after(d);
    co_await timer.async_wait(net::use_awaitable);
}

net::awaitable<int> fetch_number(fusebox::asio::virtual_time& time, int& calls) {
    ++calls;
    co_await nap(time, 10s);
    co_return calls;
}
net::awaitable<int> fail(fusebox::asio::virtual_time& time, int& calls) {
    ++calls;
    co_await nap(time, 10s);
    throw std::runtime_error("io");
}
// Ends at its own time, cancelled or not.
net::awaitable<int> fetch_stubbornly(fusebox::asio::virtual_time& time, int& calls) {
    ++calls;
    try {
        co_await nap(time, 10s);
    } catch (const boost::system::system_error&) {
        co_return 70;
    }
    co_return 7;
}

using text = std::expected<int, std::string>;
net::awaitable<text> fetch_text(fusebox::asio::virtual_time& time, int& calls) {
    ++calls;
    bool aborted = false;
    try {
        co_await nap(time, 10s);
    } catch (const boost::system::system_error&) {
        aborted = true;
    }
    if (aborted) co_return text(std::unexpect, "aborted");
    co_return text(calls);
}

struct single_flights : ::testing::Test, flying<int> {
    fusebox::asio::virtual_time time;
    auto number() {
        return [this] { return fetch_number(time, calls); };
    }
};
struct single_flights_of_results : ::testing::Test, flying<text> {
    fusebox::asio::virtual_time time;
};

}  // namespace

TEST_F(single_flights, callers_that_come_together_call_once) {
    for (int i = 0; i < 5; ++i) call(time, number());
    EXPECT_EQ(flights.snapshot().followed, 4u);
    time.run();
    EXPECT_EQ(calls, 1);
    for (const auto& c : callers) EXPECT_EQ(c.got, 1);
    EXPECT_EQ(time.now(), time_point{10s});
    auto& next = call(time, number());
    time.run();
    EXPECT_EQ(next.got, 2) << "nothing is kept";
}

TEST_F(single_flights, an_exception_reaches_every_caller) {
    for (int i = 0; i < 3; ++i) call(time, [this] { return fail(time, calls); });
    time.run();
    for (const auto& c : callers) EXPECT_EQ(c.thrown, "io");
    EXPECT_EQ(calls, 1);
}

TEST_F(single_flights, a_cancelled_follower_leaves_the_others_alone) {
    auto &leader = call(time, number()), &second = call(time, number()), &third = call(time, number());
    time.run(time_point{1s});
    cancel(time, second);
    EXPECT_EQ(second.got.value().error().code, errc::cancelled);
    EXPECT_EQ(second.at, time_point{1s});
    time.run();
    EXPECT_EQ(leader.got, 1);
    EXPECT_EQ(third.got, 1);
}

TEST_F(single_flights, a_follower_gives_up_at_its_deadline) {
    auto &leader = call(time, number()), &hurried = call(time, number(), time_point{3s});
    time.run();
    EXPECT_EQ(hurried.got.value().error().code, errc::timed_out);
    EXPECT_EQ(hurried.at, time_point{3s});
    EXPECT_EQ(leader.got, 1);
}

TEST_F(single_flights, a_cancelled_leader_hands_over) {
    auto &leader = call(time, number()), &second = call(time, number()), &third = call(time, number());
    time.run(time_point{1s});
    cancel(time, leader);
    EXPECT_NE(leader.thrown, "") << "what its operation threw";
    time.run();
    EXPECT_EQ(second.got, 2);
    EXPECT_EQ(third.got, 2);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(time.now(), time_point{11s});
}

TEST_F(single_flights, a_cancelled_leader_shares_a_value_that_it_has_all_the_same) {
    auto &leader = call(time, [this] { return fetch_stubbornly(time, calls); }), &second = call(time, number());
    cancel(time, leader);
    time.run();
    EXPECT_EQ(leader.got, 70);
    EXPECT_EQ(second.got, 70);
    EXPECT_EQ(calls, 1);
}

TEST_F(single_flights_of_results, the_error_of_a_cancelled_leader_is_its_own) {
    const auto fetch = [this] { return fetch_text(time, calls); };
    auto &leader = call(time, fetch), &second = call(time, fetch);
    cancel(time, leader);
    EXPECT_EQ(*leader.got.value().error().error(), "aborted");
    time.run();
    EXPECT_EQ(second.got.value(), 2);
}

TEST_F(single_flights, when_all_are_cancelled_nothing_is_called_again) {
    auto &leader = call(time, number()), &second = call(time, number());
    second.signal.emit(net::cancellation_type::all);
    leader.signal.emit(net::cancellation_type::all);
    time.run();
    EXPECT_EQ(second.got.value().error().code, errc::cancelled);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(flights.snapshot().in_flight, 0u);
}

namespace {

net::awaitable<int> never(net::io_context& context) {
    net::steady_timer timer(context);
    timer.expires_after(24h);
    co_await timer.async_wait(net::use_awaitable);
    co_return 0;
}

template <class Flights, class F>
net::awaitable<void> ask_for_real(Flights& flights, F fetch, int& sum) {
    auto running = fusebox::asio::run(flights, "key", fetch);
    const auto got = co_await std::move(running);
    sum += got.value_or(1000);
}

}  // namespace

TEST_F(single_flights, a_leader_whose_frame_is_destroyed_hands_over) {
    int unused = 0;
    {
        net::io_context another;
        const auto op = [&] { return never(another); };
        auto task = ask_for_real(flights, op, unused);
        net::co_spawn(another, std::move(task), net::detached);
        another.poll();
        call(time, number());
        call(time, number());
        EXPECT_EQ(flights.snapshot().followed, 2u);
        EXPECT_EQ(calls, 0);
    }
    time.run();
    EXPECT_EQ(calls, 1);
    for (const auto& c : callers) EXPECT_EQ(c.got, 1);
}

TEST_F(single_flights, a_follower_whose_frame_is_destroyed_leaves) {
    auto& leader = call(time, number());
    int unused = 0;
    {
        net::io_context another;
        auto task = ask_for_real(flights, number(), unused);
        net::co_spawn(another, std::move(task), net::detached);
        another.poll();
        EXPECT_EQ(flights.snapshot().followed, 1u);
    }
    time.run();
    EXPECT_EQ(leader.got, 1);
    EXPECT_EQ(unused, 0);
}

TEST(dropped_single_flights, leave_nothing_behind_when_all_frames_go) {
    flying<int> all;
    {
        fusebox::asio::virtual_time time;
        for (int i = 0; i < 4; ++i) all.call(time, [&] { return fetch_number(time, all.calls); });
        EXPECT_EQ(all.flights.snapshot().in_flight, 1u);
    }
    EXPECT_EQ(all.flights.snapshot().in_flight, 0u);
    for (const auto& c : all.callers) EXPECT_FALSE(c.got);
}

TEST(mixed_single_flights, a_blocking_leader_wakes_coroutines_in_another_thread) {
    single_flight<std::string, int> flights;
    std::jthread leader([&] {
        (void)flights.run("key", [&] {
            while (flights.snapshot().followed < 4) std::this_thread::yield();
            return 5;
        });
    });
    while (flights.snapshot().led == 0) std::this_thread::yield();
    net::io_context context;
    int sum = 0;
    const auto op = [&] { return never(context); };
    for (int i = 0; i < 4; ++i) {
        auto task = ask_for_real(flights, op, sum);
        net::co_spawn(context, std::move(task), net::detached);
    }
    context.run();
    EXPECT_EQ(sum, 20);
}

namespace {

// Answers are kept for a minute, and whoever finds none calls once for all.
struct cached_numbers {
    cached_numbers(fusebox::asio::virtual_time& t, int& count) : time(t), calls(count) {}

    fusebox::asio::virtual_time& time;
    int& calls;
    cache<std::string, int> kept{{.ttl = 1min}};
    single_flight<std::string, int> flights;

    net::awaitable<int> get(std::string key) {
        if (const auto known = kept.find(key, time.now())) co_return *known->value;
        const auto fetch = [this] { return fetch_number(time, calls); };
        auto running = fusebox::asio::run(flights, key, fetch, runtime_of(time));
        const auto got = co_await std::move(running);
        kept.put(key, got.value(), time.now());
        co_return *got;
    }
    net::awaitable<void> add(int& sum) {
        auto running = get("key");
        sum += co_await std::move(running);
    }
};

}  // namespace

TEST(cached_single_flights, call_once_until_the_answer_is_too_old) {
    fusebox::asio::virtual_time time;
    int calls = 0, sum = 0;
    cached_numbers numbers(time, calls);
    const auto ask = [&](int n) {
        for (int i = 0; i < n; ++i) {
            auto task = numbers.add(sum);
            net::co_spawn(time.context(), std::move(task), net::detached);
        }
        time.run();
    };
    ask(3);
    ask(2);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(sum, 5);
    time.run(time_point{2min});
    ask(1);
    EXPECT_EQ(calls, 2);
}
