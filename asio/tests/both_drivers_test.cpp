// One table of scenarios through the blocking and the coroutine driver, by a pipeline that is known when it is
// compiled and by one that is chosen at run time: results, events, times and what the policies counted agree.
#include "../../core/tests/both_forms.hpp"

#include <fusebox/adaptive_limiter.hpp>
#include <fusebox/asio/execute.hpp>
#include <fusebox/asio/virtual_time.hpp>
#include <fusebox/bulkhead.hpp>
#include <fusebox/chaos.hpp>
#include <fusebox/fallback.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/rate_limiter.hpp>
#include <fusebox/testing/manual_runtime.hpp>
#include <fusebox/throttler.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>

using namespace std::chrono_literals;
using namespace fusebox;
namespace net = boost::asio;

namespace {

using answer = std::expected<int, std::string>;
using result = std::expected<int, call_error<std::string>>;

// One attempt: how long it takes and what it gives; 0 is an error, a negative value is thrown.
struct step {
    duration takes;
    int gives;
};

// The policies of one run, on that run's clock.
struct policies {
    explicit policies(const monotonic_clock& clock)
        : breaker("b",
                  {.consecutive_failures = 3,
                   .slow_call_duration = 2s,
                   .slow_call_rate_threshold = 1.0,
                   .minimum_calls = 20,
                   .open_jitter = 0,
                   .half_open_calls = 1},
                  &clock),
          monkey({.fault_rate = 0.3, .latency_rate = 0.5, .latency = 200ms, .expires_after = 1h, .seed = 7},
                 clock.now()) {}

    circuit_breaker breaker;
    retry again{{.max_attempts = 4, .jitter = jitter_kind::none, .without_budget = true}};
    retry thrifty{{.max_attempts = 9,
                   .jitter = jitter_kind::none,
                   .budget = std::make_shared<retry_budget>(
                       retry_budget_options{.ratio = 0, .min_per_second = 1, .window = 2s})}};
    bulkhead slots{{.max_concurrent = 1}};
    token_bucket bucket{{.rate = 1, .burst = 1, .max_wait = 3s}};
    bulkhead queued{{.max_concurrent = 1, .queue = 2, .queue_wait = 2s}};
    std::optional<bulkhead::permit> taken;  // of `queued`
    fixed_window per_window{{.limit = 2, .window = 5s, .max_wait = 4s}};
    sliding_window smoothed{{.limit = 2, .window = 5s}};
    adaptive_limiter adaptive{{.algorithm = gradient2_options{.initial_limit = 1, .minimum_limit = 1}}};
    throttler throttled{{.multiplier = 1, .seed = 3}};
    hedge twice{{.delay = 100ms}};
    chaos monkey;
    last_good<int> store;
};

// The same order of policies in both forms.
template <class Fixed>
struct forms {
    std::unique_ptr<Fixed> fixed;
    std::unique_ptr<dynamic_pipeline> dynamic;
};
constexpr auto fixed_form = [](auto& f) -> auto& { return *f.fixed; };
constexpr auto dynamic_form = [](auto& f) -> auto& { return *f.dynamic; };

// What one run came to, as text, so that a difference can be read.
struct outcome {
    std::vector<std::string> lines;

    void say(std::string line) { lines.push_back(std::move(line)); }
    void note(const pipeline_event& e) {
        say(std::string(to_string(e.kind)) + " at " + std::to_string(e.position) + ", attempt " +
            std::to_string(e.attempt) + ", outcome " + std::to_string(int(e.outcome)) + ", answer " +
            std::to_string(int(e.answer)) + ", until " + std::to_string(e.until.time_since_epoch().count()));
    }
    void note(const result& r, time_point now) {
        const std::string what = r                      ? std::to_string(*r)
                                 : r.error().rejected() ? r.error().rejected()->message()
                                                        : *r.error().error();
        say("result " + what + " at " + std::to_string(now.time_since_epoch().count()));
    }
    void note(const circuit_snapshot& s) {
        say(std::string(to_string(s.state)) + " s=" + std::to_string(s.totals.successes) +
            " f=" + std::to_string(s.totals.failures) + " i=" + std::to_string(s.totals.ignored) +
            " slow=" + std::to_string(s.totals.slow_calls) + " a=" + std::to_string(s.totals.abandoned) +
            " r=" + std::to_string(s.totals.rejected));
    }
};

// Plays `script` in a blocking operation that keeps to its deadline.
template <class Make, class Form>
outcome run_blocking(Make make, Form form, const std::vector<step>& script, int calls) {
    fusebox::testing::manual_runtime runtime;
    policies all{runtime.time};
    auto made = make(all);
    auto& p = form(made);
    outcome out;
    p.use(runtime);
    p.observe([&](const pipeline_event& e) { out.note(e); });
    std::size_t next = 0;
    const auto operation = [&](const call_context& c) -> answer {
        const step s = script.at(next++);
        const duration left = c.remaining(runtime.time.now());
        runtime.time.advance(std::min(s.takes, left));
        if (s.takes >= left) return std::unexpected("aborted");
        if (s.gives < 0) throw std::runtime_error("thrown");
        return s.gives ? answer{s.gives} : std::unexpected("down");
    };
    for (int i = 0; i < calls; ++i) {
        try {
            const result r = p.call(operation);
            out.note(r, runtime.time.now());
        } catch (const std::exception& e) {
            out.say(e.what());
        }
    }
    out.note(all.breaker.snapshot());
    return out;
}

net::awaitable<answer> play(fusebox::asio::virtual_time& time, step s) {
    fusebox::asio::virtual_timer timer(time.context());
    timer.expires_after(s.takes);
    const auto token = net::as_tuple(net::use_awaitable);
    auto waited = timer.async_wait(token);
    const auto [cancelled] = co_await std::move(waited);
    if (cancelled) co_return answer{std::unexpect, "aborted"};
    if (s.gives < 0) throw std::runtime_error("thrown");
    if (s.gives == 0) co_return answer{std::unexpect, "down"};
    co_return answer{s.gives};
}

template <class Pipeline, class F>
net::awaitable<void> call_times(Pipeline& p, F operation, fusebox::asio::virtual_time& time, int calls, outcome& out) {
    for (int i = 0; i < calls; ++i) {
        try {
            auto running = fusebox::asio::execute(p, operation, default_classifier{}, runtime_of(time));
            const result r = co_await std::move(running);
            out.note(r, time.now());
        } catch (const std::exception& e) {
            out.say(e.what());
        }
    }
}

template <class Make, class Form>
outcome run_coroutine(Make make, Form form, const std::vector<step>& script, int calls) {
    fusebox::asio::virtual_time time;
    policies all{time};
    auto made = make(all);
    auto& p = form(made);
    outcome out;
    p.observe([&](const pipeline_event& e) { out.note(e); });
    std::size_t next = 0;
    const auto operation = [&] { return play(time, script.at(next++)); };
    auto task = call_times(p, operation, time, calls, out);
    net::co_spawn(time.context(), std::move(task), net::detached);
    time.run();
    out.note(all.breaker.snapshot());
    return out;
}

template <class Make>
void agree_as_coroutines(Make make, const std::vector<step>& script, int calls = 1) {
    const outcome reference = run_coroutine(make, fixed_form, script, calls);
    EXPECT_GT(reference.lines.size(), 2u);
    EXPECT_EQ(run_coroutine(make, dynamic_form, script, calls).lines, reference.lines) << "dynamic, coroutine";
}

template <class Make>
void agree(Make make, const std::vector<step>& script, int calls = 1) {
    const outcome reference = run_blocking(make, fixed_form, script, calls);
    EXPECT_GT(reference.lines.size(), 2u);
    EXPECT_EQ(run_blocking(make, dynamic_form, script, calls).lines, reference.lines) << "dynamic, blocking";
    EXPECT_EQ(run_coroutine(make, fixed_form, script, calls).lines, reference.lines) << "coroutine";
    EXPECT_EQ(run_coroutine(make, dynamic_form, script, calls).lines, reference.lines) << "dynamic, coroutine";
}

// A fallback exists in one form only.
template <class Make>
void agree_in_the_fixed_form(Make make, const std::vector<step>& script, int calls = 1) {
    const auto self = [](auto& p) -> auto& { return *p; };
    const outcome reference = run_blocking(make, self, script, calls);
    EXPECT_GT(reference.lines.size(), 2u);
    EXPECT_EQ(run_coroutine(make, self, script, calls).lines, reference.lines) << "coroutine";
}

template <class... P>
auto made(P&&... policy) {
    auto dynamic = dynamic_of(policy...);
    return forms<pipeline<P...>>{std::make_unique<pipeline<P...>>(std::forward<P>(policy)...), std::move(dynamic)};
}
template <class... P>
auto made_fixed(P&&... policy) {
    return std::make_unique<pipeline<P...>>(std::forward<P>(policy)...);
}

}  // namespace

TEST(both_drivers, agree_on_a_plain_success) {
    agree([](policies& p) { return made(p.again, p.breaker, p.slots, timeout{3s}); }, {{10ms, 5}});
}
TEST(both_drivers, agree_on_retries_until_it_works) {
    agree([](policies& p) { return made(p.again, p.breaker, p.slots, timeout{3s}); }, {{1s, 0}, {1s, 0}, {1s, 5}});
}
TEST(both_drivers, agree_on_a_breaker_that_opens_and_ends_the_retries) {
    agree([](policies& p) { return made(timeout{60s}, p.again, p.breaker, timeout{3s}); }, {{1s, 0}, {1s, 0}, {1s, 0}},
          3);
}
TEST(both_drivers, agree_on_timeouts_per_try) {
    agree([](policies& p) { return made(p.again, p.breaker, timeout{1s}); }, {{1s, 1}, {5s, 1}, {999ms, 7}});
}
TEST(both_drivers, agree_on_a_total_timeout_in_the_middle_of_a_try) {
    agree([](policies& p) { return made(timeout{2500ms}, p.again, p.breaker, timeout{2s}); }, {{2s, 1}, {5s, 1}}, 1);
}
TEST(both_drivers, agree_that_a_backoff_which_the_deadline_cannot_survive_is_not_begun) {
    agree([](policies& p) { return made(timeout{1050ms}, p.again, p.breaker, timeout{1s}); }, {{980ms, 0}});
}
TEST(both_drivers, agree_on_total_timeouts_alone_which_open_the_breaker) {
    agree([](policies& p) { return made(allow_unbounded_tries{}, timeout{1s}, p.breaker); },
          {{5s, 1}, {5s, 1}, {5s, 1}}, 4);
}
TEST(both_drivers, agree_on_exceptions) {
    agree([](policies& p) { return made(p.again, p.breaker); },
          {{1s, -1}, {1s, 0}, {1s, 4}, {1s, -1}, {1s, -1}, {1s, -1}}, 2);
}
TEST(both_drivers, agree_on_a_budget_that_is_spent) {
    agree([](policies& p) { return made(p.thrifty, p.breaker); }, {{1ms, 0}, {1ms, 0}, {1ms, 0}}, 1);
}
TEST(both_drivers, agree_on_a_rate_limiter_that_delays_and_refuses) {
    agree([](policies& p) { return made(p.bucket); }, {{1ms, 1}, {1ms, 2}, {1ms, 3}}, 3);
    agree([](policies& p) { return made(timeout{1500ms}, p.bucket); }, {{1ms, 1}, {1ms, 2}, {1ms, 3}}, 3);
}
TEST(both_drivers, agree_on_fallbacks) {
    agree_in_the_fixed_form(
        [](policies& p) { return made_fixed(fallback{when_refused(stale(p.store, 1h)), when_failed(-1)}, p.breaker); },
        {{1ms, 9}, {1ms, 0}, {1ms, 0}, {1ms, 0}}, 6);
}
TEST(both_drivers, agree_on_an_open_circuit_that_heals) {
    agree([](policies& p) { return made(p.bucket, p.breaker); }, {{1ms, 0}, {1ms, 0}, {1ms, 0}, {1ms, 8}, {1ms, 8}},
          10);
}
TEST(both_drivers, agree_on_a_queue_in_which_nobody_gets_a_slot) {
    agree(
        [](policies& p) {
            p.taken.emplace(*p.queued.enter(time_point{}));
            return made(p.again, p.breaker, p.queued);
        },
        {}, 2);
}
TEST(both_drivers, agree_on_windows_that_delay_and_refuse) {
    agree([](policies& p) { return made(p.per_window, p.breaker); }, std::vector<step>(9, {300ms, 4}), 9);
    agree([](policies& p) { return made(p.again, p.smoothed, p.breaker); }, std::vector<step>(9, {300ms, 4}), 9);
}
TEST(both_drivers, agree_on_limits_that_are_learnt) {
    agree([](policies& p) { return made(p.adaptive, p.throttled, p.breaker, timeout{1s}); },
          {{1s, 4}, {1ms, 0}, {1ms, 5}, {1ms, 0}, {1ms, -1}, {1ms, 6}, {1ms, 6}, {1ms, 6}, {1ms, 6}, {1ms, 6}}, 10);
}
TEST(both_drivers, agree_on_chaos) {
    agree([](policies& p) { return made(timeout{3s}, p.again, p.breaker, timeout{250ms}, p.monkey); },
          std::vector<step>(40, {100ms, 4}), 10);
}
TEST(both_drivers, agree_on_a_hedge_around_a_breaker) {
    agree_as_coroutines([](policies& p) { return made(p.again, p.twice, p.breaker, p.slots, timeout{1s}); },
                        {{50ms, 4}, {5s, 1}, {10ms, 5}, {1ms, 0}, {2ms, 6}, {5s, 1}, {5s, 1}, {5s, 1}, {5s, 1}}, 4);
    agree_as_coroutines([](policies& p) { return made(timeout{350ms}, p.breaker, p.twice, timeout{300ms}); },
                        {{1h, 4}, {1h, 1}, {10ms, -1}, {1ms, -1}, {10ms, 0}, {1ms, 3}}, 3);
}
