// What a pipeline promises of failure and loss, as coroutines, in both of its forms.
#include "../../core/tests/both_forms.hpp"

#include <fusebox/asio/execute.hpp>
#include <fusebox/asio/virtual_time.hpp>
#include <fusebox/fallback.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace fusebox;
namespace net = boost::asio;

namespace {

using answer = std::expected<int, std::string>;
using result = std::expected<int, call_error<std::string>>;

// Takes its time, and an hour's worth of it when it is told to hang.
struct sleeper {
    fusebox::asio::virtual_time& time;
    duration takes;
    int& started;

    net::awaitable<answer> operator()() const {
        ++started;
        fusebox::asio::virtual_timer timer(time.context());
        timer.expires_after(takes);
        const auto token = net::as_tuple(net::use_awaitable);
        auto waited = timer.async_wait(token);
        const auto [cancelled] = co_await std::move(waited);
        if (cancelled) co_return answer(std::unexpect, "aborted");
        co_return answer(1);
    }
};

template <class Pipeline, class F>
net::awaitable<void> store(fusebox::asio::virtual_time& time, Pipeline& p, F op, std::vector<result>& results,
                           time_point deadline = time_point::max()) {
    auto running = fusebox::asio::execute(p, op, default_classifier{}, runtime_of(time), deadline);
    auto got = co_await std::move(running);
    results.push_back(std::move(got));
}

template <class Form>
struct proofs : ::testing::Test {
    std::vector<result> results;
    int started = 0;

    template <class Pipeline>
    void spawn(fusebox::asio::virtual_time& time, Pipeline& p, duration takes) {
        auto task = store(time, p, sleeper{time, takes, started}, results);
        net::co_spawn(time.context(), std::move(task), net::detached);
    }
    std::size_t refused(errc why) const {
        return static_cast<std::size_t>(std::ranges::count_if(results, [why](const result& r) {
            return !r && r.error().rejected() && r.error().rejected()->code == why;
        }));
    }
};

struct form_names {
    template <class Form>
    static std::string GetName(int) {
        return std::is_same_v<Form, run_time_form> ? "run_time" : "compile_time";
    }
};
using both = ::testing::Types<compile_time_form, run_time_form>;
TYPED_TEST_SUITE(proofs, both, form_names);

}  // namespace

TYPED_TEST(proofs, ten_total_timeouts_outside_a_breaker_open_it) {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{
        "b", {.failure_rate_threshold = 0.5, .window = count_window{10}, .minimum_calls = 10, .open_jitter = 0}, &time};
    allow_unbounded_tries alone;
    timeout total{1s};
    auto p = TypeParam::of(alone, total, breaker);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(breaker.state(), circuit_state::closed);
        this->spawn(time, *p, 1h);
        time.run();
    }
    EXPECT_EQ(this->refused(errc::timed_out), 10u);
    EXPECT_EQ(breaker.state(), circuit_state::open);
}

TYPED_TEST(proofs, five_callers_on_a_bulkhead_of_one_leave_the_breaker_around_it_closed) {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{"b", {.consecutive_failures = 1}, &time};
    bulkhead one{{.max_concurrent = 1}};
    auto p = TypeParam::of(breaker, one);
    for (int i = 0; i < 5; ++i) this->spawn(time, *p, 1s);
    time.run();
    EXPECT_EQ(this->started, 1);
    EXPECT_EQ(this->refused(errc::bulkhead_full), 4u);
    EXPECT_EQ(breaker.state(), circuit_state::closed);
    EXPECT_EQ(breaker.snapshot().totals.ignored, 4u);
    EXPECT_EQ(one.snapshot().in_use, 0u);
}

TYPED_TEST(proofs, fifty_callers_at_a_recovering_service_send_it_no_more_than_the_permitted_trials) {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{
        "b", {.consecutive_failures = 1, .open_jitter = 0, .half_open_calls = 3, .half_open_concurrency = 2}, &time};
    breaker.try_acquire()->settle(verdict::failure);
    time.run(time_point{5s});
    auto p = TypeParam::of(breaker);
    for (int i = 0; i < 50; ++i) this->spawn(time, *p, 1s);
    time.run();
    EXPECT_EQ(this->started, 2);
    EXPECT_EQ(this->refused(errc::circuit_open), 48u);
    EXPECT_EQ(breaker.state(), circuit_state::half_open);
    this->spawn(time, *p, 1s);
    time.run();
    EXPECT_EQ(breaker.state(), circuit_state::closed);
}

TYPED_TEST(proofs, the_loser_of_a_hedge_gives_back_what_it_held) {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{"b", {.consecutive_failures = 1}, &time};
    bulkhead slots{{.max_concurrent = 2}};
    hedge twice{{.delay = 1s}};
    timeout per_try{1min};
    auto p = TypeParam::of(twice, breaker, slots, per_try);
    int n = 0;
    const sleeper slow{time, 1h, this->started}, fast{time, 1s, this->started};
    const auto op = [&] { return ++n == 1 ? slow() : fast(); };
    auto task = store(time, *p, op, this->results);
    net::co_spawn(time.context(), std::move(task), net::detached);
    time.run(time_point{1500ms});
    EXPECT_EQ(slots.snapshot().in_use, 2u);
    time.run();
    EXPECT_EQ(this->results.at(0), 1);
    EXPECT_EQ(slots.snapshot().in_use, 0u);
    EXPECT_EQ(breaker.snapshot().totals.ignored, 1u);
    EXPECT_EQ(breaker.snapshot().totals.failures, 0u);
}

TYPED_TEST(proofs, dropped_frames_of_a_hedge_abandon_all_that_its_attempts_held) {
    fusebox::testing::manual_clock clock;
    circuit_breaker breaker{"b", circuit_breaker_options{}, &clock};
    bulkhead slots{{.max_concurrent = 3, .queue = 1, .queue_wait = 1h}};
    hedge often{{.delay = 1s, .max_attempts = 4}};
    retry again{{.without_budget = true}};
    timeout per_try{30min};
    auto p = TypeParam::of(again, often, breaker, slots, per_try);
    {
        fusebox::asio::virtual_time time;
        this->spawn(time, *p, 1h);
        time.run(time_point{10s});
        EXPECT_EQ(this->started, 3);
        EXPECT_EQ(slots.snapshot().in_use, 3u);
        EXPECT_EQ(slots.snapshot().queued, 1u);
    }
    EXPECT_TRUE(this->results.empty());
    EXPECT_EQ(slots.snapshot().in_use, 0u);
    EXPECT_EQ(slots.snapshot().queued, 0u);
    EXPECT_EQ(breaker.snapshot().totals.abandoned, 4u);
}

TYPED_TEST(proofs, a_listener_that_throws_changes_nothing) {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{"b", {.consecutive_failures = 9}, &time};
    bulkhead one{{.max_concurrent = 1, .queue = 1}};
    retry again{{.max_attempts = 2, .jitter = jitter_kind::none, .without_budget = true}};
    timeout per_try{1s};
    auto p = TypeParam::of(again, breaker, one, per_try);
    int told = 0;
    p->observe([&](const pipeline_event&) {
        ++told;
        throw std::runtime_error("listener");
    });
    this->spawn(time, *p, 10ms);
    this->spawn(time, *p, 1h);
    time.run();
    EXPECT_EQ(this->results.at(0), 1);
    EXPECT_EQ(this->refused(errc::timed_out), 1u);
    EXPECT_GT(told, 8);
    EXPECT_EQ(one.snapshot().in_use, 0u);
    EXPECT_EQ(breaker.snapshot().totals.failures, 2u);
}

TYPED_TEST(proofs, a_listener_may_call_the_policies_and_the_pipeline_itself) {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{"b", {.consecutive_failures = 1}, &time};
    bulkhead one{{.max_concurrent = 1, .queue = 9, .queue_wait = 1h}};
    auto p = TypeParam::of(breaker, one);
    int more = 8;
    p->observe([&](const pipeline_event& e) {
        (void)breaker.snapshot();
        (void)one.snapshot();
        breaker.reset();
        if (e.kind == pipeline_event_kind::attempt_started && more-- > 0) this->spawn(time, *p, 1s);
    });
    this->spawn(time, *p, 1s);
    time.run();
    EXPECT_EQ(this->results.size(), 9u);
    for (const result& r : this->results) EXPECT_EQ(r, 1);
    EXPECT_EQ(one.snapshot().in_use, 0u);
}

TYPED_TEST(proofs, a_timeout_around_a_nested_pipeline_is_heard_inside) {
    fusebox::asio::virtual_time time;
    circuit_breaker breaker{"b", {.consecutive_failures = 1}, &time};
    auto inner = TypeParam::of(breaker);
    pipeline outer{fallback{when_failed(-1)}, timeout{1s}};
    const sleeper op{time, 1h, this->started};
    const auto nested = [&](const call_context& c) {
        return fusebox::asio::execute(*inner, op, default_classifier{}, runtime_of(time), c.deadline());
    };
    auto task = store(time, outer, nested, this->results);
    net::co_spawn(time.context(), std::move(task), net::detached);
    time.run();
    EXPECT_EQ(this->results.at(0), -1);
    EXPECT_EQ(time.now(), time_point{1s});
    EXPECT_EQ(breaker.state(), circuit_state::open) << "not cancelled by a caller, but too slow";
}
