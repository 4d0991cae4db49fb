#include <fusebox/circuit_breaker.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/testing/manual_runtime.hpp>
#include <fusebox/testing/scripted_call.hpp>

#include <gtest/gtest.h>

using namespace std::chrono_literals;
using namespace fusebox;
using fusebox::testing::script;
using fusebox::testing::scripted_call;

namespace {

struct scripted_calls : ::testing::Test {
    fusebox::testing::manual_runtime runtime;
    script<std::expected<std::string, std::string>> service;
    scripted_call<std::expected<std::string, std::string>> fetch{service, runtime.time};
};

}  // namespace

TEST_F(scripted_calls, take_their_time_on_the_manual_clock) {
    service.then("first", 2s).then_throw(std::runtime_error("reset"), 3s);
    EXPECT_EQ(fetch(), "first");
    EXPECT_EQ(runtime.time.now(), time_point{2s});
    EXPECT_THROW((void)fetch(), std::runtime_error);
    EXPECT_EQ(runtime.time.now(), time_point{5s});
    EXPECT_THROW((void)fetch(), fusebox::testing::script_over);
}

TEST_F(scripted_calls, are_an_operation_for_a_breaker) {
    circuit_breaker breaker{"orders", {.consecutive_failures = 2}, runtime.clock()};
    service.then("order 7").then(std::unexpected("down")).then(std::unexpected("down"));
    EXPECT_EQ(breaker.call(fetch), "order 7");
    for (int i = 0; i < 3; ++i) (void)breaker.call(fetch);
    EXPECT_EQ(breaker.state(), circuit_state::open);
    EXPECT_EQ(service.calls(), 3u) << "the open circuit called nobody";
}

TEST_F(scripted_calls, share_their_script_with_their_copies) {
    retry again{{.max_attempts = 3, .jitter = jitter_kind::none}};
    pipeline calls{again};
    calls.use(runtime);
    service.then(std::unexpected("down")).then("order 7").then("order 8");
    const auto copy = fetch;
    EXPECT_EQ(calls.call(fetch), "order 7");
    EXPECT_EQ(calls.call(copy), "order 8");
}

TEST_F(scripted_calls, keep_to_the_deadline_of_their_call) {
    pipeline calls{timeout{3s}};
    calls.use(runtime);
    service.then("too late", 1h).then("just in time", 3s - 1ns);
    EXPECT_EQ(calls.call(fetch).error().rejected()->code, errc::timed_out);
    EXPECT_EQ(runtime.time.now(), time_point{3s});
    EXPECT_EQ(calls.call(fetch), "just in time");
}
