// What the end of a call says of the dependency, and what its caller gets: one table, walked cause by moment by
// policy by driver.
#include "../../core/tests/both_forms.hpp"

#include <fusebox/adaptive_limiter.hpp>
#include <fusebox/asio/execute.hpp>
#include <fusebox/asio/virtual_time.hpp>
#include <fusebox/bulkhead.hpp>
#include <fusebox/fallback.hpp>
#include <fusebox/testing/manual_runtime.hpp>
#include <fusebox/throttler.hpp>

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace fusebox;
namespace net = boost::asio;

namespace {

using answer = std::expected<int, std::string>;
using result = std::expected<int, call_error<std::string>>;

constexpr duration limit = 3s;  // of the timeout around every policy
constexpr duration never = 24h;

// One row. Times are from the call's begin; negative ones lie before it.
struct row {
    const char* what_ended_it;
    duration takes = 1s;  // the operation, which is stubborn
    duration hung_up = never;
    duration deadline = never;  // the caller's own
    bool queue_is_full = false;

    bool is_made = true;
    errc code = errc::timed_out;  // what the caller gets
    std::uint64_t failures = 0;   // what the breaker hears
    bool when_failed_answers = false;
};

const row rows[] = {
    {.what_ended_it = "cancelled before", .hung_up = -1s, .is_made = false, .code = errc::cancelled},
    {.what_ended_it = "cancelled before, too late too",
     .hung_up = -1s,
     .deadline = -1s,
     .is_made = false,
     .code = errc::cancelled},
    {.what_ended_it = "too late", .deadline = -1s, .is_made = false},
    {.what_ended_it = "too late by nothing", .deadline = 0s, .is_made = false},
    {.what_ended_it = "cancelled while it ran", .takes = 2s, .hung_up = 1s, .code = errc::cancelled},
    {.what_ended_it = "cancelled, then the timeout", .takes = 3100ms, .hung_up = 2900ms, .code = errc::cancelled},
    {.what_ended_it = "cancelled, then the deadline",
     .takes = 2s,
     .hung_up = 1s,
     .deadline = 1500ms,
     .code = errc::cancelled},
    {.what_ended_it = "the timeout, then cancelled",
     .takes = 4s,
     .hung_up = 3500ms,
     .failures = 1,
     .when_failed_answers = true},
    {.what_ended_it = "the timeout", .takes = 4s, .failures = 1, .when_failed_answers = true},
    {.what_ended_it = "the deadline", .takes = 2s, .deadline = 1s, .failures = 1, .when_failed_answers = true},
    {.what_ended_it = "the timeout in a queue", .queue_is_full = true, .is_made = false},
    {.what_ended_it = "the deadline in a queue", .deadline = 1s, .queue_is_full = true, .is_made = false},
    {.what_ended_it = "cancelled in a queue",
     .hung_up = 1s,
     .queue_is_full = true,
     .is_made = false,
     .code = errc::cancelled},
};

// How the stubborn operation ends in the end; nothing of it may matter.
enum class gives { value, error, exception };

answer give(gives what) {
    if (what == gives::exception) throw std::runtime_error("thrown");
    return what == gives::value ? answer{1} : answer{std::unexpect, "aborted"};
}

struct seen {
    int made = 0;
    std::optional<rejection> got;
    bool answered = false;  // by a fallback
};

// The policies of one call, on its clock.
struct policies {
    policies(const row& r, const monotonic_clock& clock)
        : breaker("b", {.consecutive_failures = 5}, &clock), full(r.queue_is_full) {
        if (full) taken.emplace(*queued.enter(time_point{}));
    }

    allow_unbounded_tries alone;
    allow_retry_inside_breaker nested;
    timeout around{limit};
    circuit_breaker breaker;
    retry again{{.max_attempts = 3, .jitter = jitter_kind::none, .base = 1ms, .without_budget = true}};
    adaptive_limiter adaptive{{}};
    throttler throttled{{.seed = 3}};
    hedge twice{{.delay = 1h}};
    timeout inside{1h};
    bulkhead queued{{.max_concurrent = 1, .queue = 2, .queue_wait = 1h}};
    std::optional<bulkhead::permit> taken;
    bool full;
};

void note(seen& out, const result& r) {
    out.answered = r.has_value();
    if (!r && r.error().rejected()) out.got = *r.error().rejected();
}

struct blocking {
    fusebox::testing::manual_runtime runtime;
    const monotonic_clock& clock() { return runtime.time; }

    void let_pass_until(time_point t) {
        if (t > runtime.time.now()) runtime.time.advance(t - runtime.time.now());
    }

    template <class Pipeline>
    seen call(Pipeline& p, const row& r, gives what) {
        p.use(runtime);
        seen out;
        std::stop_source stop;
        const time_point start = runtime.time.now();
        if (r.hung_up < 0s) stop.request_stop();
        const auto operation = [&]() -> answer {
            ++out.made;
            if (r.hung_up < r.takes) {
                let_pass_until(start + r.hung_up);
                stop.request_stop();
            }
            let_pass_until(start + r.takes);
            return give(what);
        };
        if (r.queue_is_full && r.hung_up != never)
            runtime.during_wait = [&](duration) {
                let_pass_until(start + r.hung_up);
                stop.request_stop();
            };
        note(out,
             p.call(operation, {}, {stop.get_token(), r.deadline == never ? time_point::max() : start + r.deadline}));
        runtime.during_wait = {};
        return out;
    }
};

// Ends at its own time, cancelled or not.
net::awaitable<answer> stubborn(fusebox::asio::virtual_time& time, int& made, duration takes, gives what) {
    ++made;
    co_await net::this_coro::throw_if_cancelled(false);
    const time_point end = time.now() + takes;
    while (time.now() < end) {
        fusebox::asio::virtual_timer timer(time.context());
        timer.expires_at(fusebox::asio::virtual_timer::time_point(end.time_since_epoch()));
        const auto token = net::as_tuple(net::use_awaitable);
        auto waiting = timer.async_wait(token);
        (void)co_await std::move(waiting);
    }
    co_return give(what);
}

template <class Pipeline, class F>
net::awaitable<void> ask(Pipeline& p, F operation, fusebox::asio::virtual_time& time, time_point deadline,
                         const bool& go, seen& out) {
    co_await net::this_coro::throw_if_cancelled(false);
    fusebox::asio::virtual_timer begin(time.context());
    begin.expires_after(1h);
    const auto token = net::as_tuple(net::use_awaitable);
    while (!go) {
        auto waiting = begin.async_wait(token);
        (void)co_await std::move(waiting);
    }
    auto running = fusebox::asio::execute(p, operation, default_classifier{}, runtime_of(time), deadline);
    const result r = co_await std::move(running);
    note(out, r);
}

struct coroutine {
    fusebox::asio::virtual_time time;
    const monotonic_clock& clock() { return time; }

    template <class Pipeline>
    seen call(Pipeline& p, const row& r, gives what) {
        seen out;
        net::cancellation_signal signal;
        const time_point start = time.now();
        const time_point deadline = r.deadline == never ? time_point::max() : start + r.deadline;
        const auto operation = [&] { return stubborn(time, out.made, r.takes, what); };
        bool go = r.hung_up >= 0s;
        auto task = ask(p, operation, time, deadline, go, out);
        net::co_spawn(time.context(), std::move(task), net::bind_cancellation_slot(signal.slot(), net::detached));
        time.run(start);
        if (r.hung_up != never) {
            time.run(std::max(start, start + r.hung_up));
            go = true;
            signal.emit(net::cancellation_type::all);
        }
        time.run(start + 23h);
        return out;
    }
};

// One row in one pipeline.
template <class Driver, class Form, class Make>
void walk_row(const char* around, const row& r, gives what, Make make, bool has_queue) {
    if (r.queue_is_full && !has_queue) return;
    SCOPED_TRACE(std::string(r.what_ended_it) + ", through " + around + ", gives " + std::to_string(int(what)));
    Driver driver;
    policies all{r, driver.clock()};
    auto p = make(Form{}, all);
    const seen out = driver.call(*p, r, what);
    EXPECT_EQ(out.made, r.is_made ? 1 : 0);
    ASSERT_TRUE(out.got);
    EXPECT_EQ(out.got->code, r.code);
    EXPECT_EQ(out.got->was_made(), r.is_made);
    const auto totals = all.breaker.snapshot().totals;
    EXPECT_EQ(totals.failures, r.failures);
    EXPECT_EQ(totals.successes, 0u);
    EXPECT_EQ(all.queued.snapshot().in_use, r.queue_is_full ? 1u : 0u);
    EXPECT_EQ(all.again.snapshot().retries, 0u);
}

template <class Driver, class Form, class Make>
void walk_table(const char* around, Make make, bool has_queue = false) {
    for (const row& r : rows)
        for (const gives what : {gives::value, gives::error, gives::exception})
            walk_row<Driver, Form>(around, r, what, make, has_queue);
}

template <class Driver, class Form>
void walk_policies() {
    walk_table<Driver, Form>("a breaker", [](auto form, policies& p) { return form.of(p.alone, p.around, p.breaker); });
    walk_table<Driver, Form>("a breaker around a timeout",
                             [](auto form, policies& p) { return form.of(p.around, p.breaker, p.inside); });
    walk_table<Driver, Form>("retry",
                             [](auto form, policies& p) { return form.of(p.around, p.again, p.breaker, p.inside); });
    walk_table<Driver, Form>("limiters", [](auto form, policies& p) {
        return form.of(p.around, p.breaker, p.adaptive, p.throttled, p.inside);
    });
    walk_table<Driver, Form>(
        "a queue", [](auto form, policies& p) { return form.of(p.around, p.again, p.breaker, p.queued, p.inside); },
        true);
}

template <class Pair>
struct whose_fault : ::testing::Test {};

template <class Driver, class Form>
struct pair_of {
    using driver = Driver;
    using form = Form;
};
struct pair_names {
    template <class Pair>
    static std::string GetName(int) {
        const std::string form = std::is_same_v<typename Pair::form, run_time_form> ? "run_time" : "compile_time";
        return (std::is_same_v<typename Pair::driver, blocking> ? "blocking_" : "coroutine_") + form;
    }
};
using pairs = ::testing::Types<pair_of<blocking, compile_time_form>, pair_of<blocking, run_time_form>,
                               pair_of<coroutine, compile_time_form>, pair_of<coroutine, run_time_form>>;
TYPED_TEST_SUITE(whose_fault, pairs, pair_names);

}  // namespace

TYPED_TEST(whose_fault, is_the_same_for_every_cause_moment_and_policy) {
    walk_policies<typename TypeParam::driver, typename TypeParam::form>();
}

TYPED_TEST(whose_fault, is_nobodys_when_a_hedge_is_too_late_or_cancelled_before_it_begins) {
    for (const row& r : rows)
        if (!r.is_made)
            walk_row<typename TypeParam::driver, typename TypeParam::form>(
                "a hedge", r, gives::value,
                [](auto form, policies& p) { return form.of(p.around, p.twice, p.breaker, p.inside); }, false);
}

TYPED_TEST(whose_fault, decides_what_a_fallback_answers) {
    for (const row& r : rows) {
        SCOPED_TRACE(r.what_ended_it);
        for (const gives what : {gives::value, gives::error, gives::exception}) {
            typename TypeParam::driver driver;
            policies all{r, driver.clock()};
            pipeline p{fallback{when_failed(7)}, all.around, all.again, all.breaker, all.queued, all.inside};
            EXPECT_EQ(driver.call(p, r, what).answered, r.when_failed_answers);
        }
        typename TypeParam::driver driver;
        policies all{r, driver.clock()};
        pipeline p{fallback{when_refused(7)}, all.around, all.again, all.breaker, all.queued, all.inside};
        const bool in_queue = r.queue_is_full && r.code == errc::timed_out;
        EXPECT_EQ(driver.call(p, r, gives::error).answered, in_queue);
    }
}

TEST(whose_fault_table, says_that_a_call_was_not_made) {
    EXPECT_EQ(not_made(errc::timed_out).message(), "Call timed out before it was made");
    EXPECT_EQ(not_made(errc::cancelled).message(), "Call was cancelled before it was made");
    EXPECT_EQ(rejection{errc::timed_out}.message(), "Call timed out");
    EXPECT_FALSE(rejection{errc::circuit_open}.was_made());
}
