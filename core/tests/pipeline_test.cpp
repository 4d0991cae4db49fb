#include <fusebox/pipeline.hpp>
#include <fusebox/testing/manual_runtime.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

namespace {

using answer = std::expected<int, std::string>;

struct pipelines : ::testing::Test {
    fusebox::testing::manual_runtime runtime;
    circuit_breaker breaker{"b", {.consecutive_failures = 3, .open_jitter = 0, .half_open_calls = 1}, &runtime.time};
    retry again{{.max_attempts = 3, .jitter = jitter_kind::none, .without_budget = true}};
    int calls = 0;

    // An operation that plays `script` (0 fails, else succeeds with it), one entry a call.
    auto scripted(std::vector<int> script) {
        return [this, script]() -> answer {
            const int v = script.at(static_cast<std::size_t>(calls++));
            return v ? answer{v} : std::unexpected("down");
        };
    }
};

}  // namespace

TEST_F(pipelines, an_empty_one_just_calls) {
    pipeline p{};
    EXPECT_EQ(p.call([] { return 5; }), 5);
}

TEST_F(pipelines, a_retry_outside_a_breaker_tells_it_of_each_try) {
    pipeline p{again, breaker};
    p.use(runtime);
    EXPECT_EQ(p.call(scripted({0, 0, 7})), 7);
    EXPECT_THAT(runtime.waits, ElementsAre(100ms, 200ms));
    EXPECT_EQ(breaker.snapshot().totals.failures, 2u);
    EXPECT_EQ(breaker.snapshot().totals.successes, 1u);
}

TEST_F(pipelines, an_open_breaker_ends_the_retries) {
    pipeline p{again, breaker};
    p.use(runtime);
    (void)p.call(scripted({0, 0, 0}));
    EXPECT_EQ(breaker.state(), circuit_state::open);
    calls = 0;
    const auto r = p.call(scripted({1}));
    EXPECT_EQ(r.error().rejected()->code, errc::circuit_open);
    EXPECT_EQ(calls, 0);
}

TEST_F(pipelines, a_late_answer_is_timed_out_and_counts_as_failure) {
    pipeline p{breaker, timeout{3s}};
    p.use(runtime);
    const auto r = p.call([&]() -> answer { return runtime.time.advance(3s), 1; });
    EXPECT_EQ(r.error().rejected()->code, errc::timed_out);
    EXPECT_EQ(breaker.snapshot().totals.failures, 1u);
}

TEST_F(pipelines, a_caller_who_gives_up_is_neutral) {
    std::stop_source stop;
    pipeline p{again, breaker};
    p.use(runtime);
    const auto r =
        p.call([&]() -> answer { return stop.request_stop(), std::unexpected("aborted"); }, {}, {stop.get_token()});
    EXPECT_EQ(r.error().rejected()->code, errc::cancelled);
    EXPECT_TRUE(r.error().rejected()->was_made());
    EXPECT_EQ(breaker.snapshot().totals.ignored, 1u);
    EXPECT_TRUE(runtime.waits.empty());
}

TEST_F(pipelines, a_backoff_that_is_cut_short_keeps_the_last_error) {
    std::stop_source stop;
    pipeline p{again, breaker};
    p.use(runtime);
    runtime.during_wait = [&](duration) { stop.request_stop(); };
    const auto r = p.call(scripted({0, 1}), {}, {stop.get_token()});
    EXPECT_EQ(*r.error().error(), "down");
    EXPECT_EQ(calls, 1);
}

TEST_F(pipelines, exceptions_are_retried_and_the_last_is_thrown) {
    pipeline p{again};
    p.use(runtime);
    int n = 0;
    EXPECT_THROW((void)p.call([&]() -> int { throw std::runtime_error(std::to_string(++n)); }), std::runtime_error);
    EXPECT_EQ(n, 3);
    EXPECT_EQ(p.call([&]() -> int { return ++n < 6 ? throw std::runtime_error("x") : n; }), 6);
}

TEST_F(pipelines, tell_what_happens_to_whom_asks) {
    std::vector<std::string> seen;
    pipeline p{again, breaker};
    p.use(runtime);
    p.observe([&](const pipeline_event& e) {
        seen.push_back(std::string(to_string(e.kind)) + ' ' + std::to_string(e.attempt));
    });
    (void)p.call(scripted({0, 4}));
    EXPECT_THAT(seen, ElementsAre("attempt_started 1", "attempt_ended 1", "retry_scheduled 1", "attempt_started 2",
                                  "attempt_ended 2", "call_ended 1"));
}
