#include "shop_server.hpp"

#include <fusebox/grpc/call.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stop_token>

namespace fusebox::grpc {
namespace {

using namespace std::chrono_literals;

const retry_options at_once{.max_attempts = 3, .base = 0ms, .cap = 0ms};

// Places an order through `calls`, and counts the attempts.
struct ordering {
    template <class Pipeline>
    call_result through(Pipeline& calls, const call_options& options = {}) {
        return call(calls, attempt, &retry_verdict, options);
    }

    shop_client client{};
    int attempts = 0;
    std::function<::grpc::Status(::grpc::ClientContext&)> attempt = [this](::grpc::ClientContext& context) {
        ++attempts;
        return client.order(context);
    };
};

TEST(grpc_call, is_made_once_when_it_succeeds) {
    ordering o;
    retry again{at_once};
    pipeline calls{again};
    EXPECT_TRUE(o.through(calls));
    EXPECT_EQ(o.attempts, 1);
    EXPECT_EQ(o.client.receipt.number(), 1);
}

TEST(grpc_call, is_tried_again_with_a_context_of_its_own_until_it_succeeds) {
    ordering o;
    retry again{at_once};
    pipeline calls{again};
    o.client.shop.service.answer(::grpc::UNAVAILABLE);
    const auto ended = call(calls, [&](::grpc::ClientContext& context) {
        context.AddMetadata("attempt", std::to_string(++o.attempts));
        const auto status = o.client.order(context);
        o.client.shop.service.answer(::grpc::OK);
        return status;
    });
    EXPECT_TRUE(ended);
    EXPECT_EQ(o.attempts, 2);
    EXPECT_EQ(o.client.receipt.number(), 2);
    EXPECT_EQ(again.snapshot().recovered, 1u);
    EXPECT_EQ(o.client.seen().totals.failures, 1u) << "the breaker sees each attempt";
    EXPECT_EQ(o.client.seen().totals.successes, 1u);
}

TEST(grpc_call, gives_the_servers_own_error_at_last) {
    ordering o;
    retry again{at_once};
    pipeline calls{again};
    o.client.shop.service.answer(::grpc::INTERNAL);
    const auto ended = o.through(calls);
    ASSERT_FALSE(ended);
    ASSERT_NE(ended.error().error(), nullptr);
    EXPECT_EQ(ended.error().error()->error_message(), "as the test said");
    EXPECT_EQ(o.attempts, 1) << "INTERNAL is not tried again";
}

TEST(grpc_call, asks_the_breaker_for_each_attempt_and_takes_its_no) {
    ordering o;
    retry again{retry_options{.max_attempts = 5, .base = 0ms, .cap = 0ms}};
    pipeline calls{again};
    o.client.shop.service.answer(::grpc::UNAVAILABLE);
    const auto ended = o.through(calls);
    ASSERT_FALSE(ended);
    ASSERT_NE(ended.error().rejected(), nullptr);
    EXPECT_EQ(*ended.error().rejected(), (rejection{errc::circuit_open, 5s}));
    EXPECT_EQ(o.client.shop.service.calls(), 2) << "what reached the server before the breaker opened";
    EXPECT_EQ(o.attempts, 3);
    EXPECT_EQ(again.snapshot().refused, 1u);
}

TEST(grpc_call, does_what_the_server_wishes_of_the_next_attempt) {
    ordering o;
    retry again{at_once};
    pipeline calls{again};
    o.client.shop.service.answer({::grpc::RESOURCE_EXHAUSTED, "now"}, {"grpc-retry-pushback-ms", "0"});
    EXPECT_FALSE(o.through(calls));
    EXPECT_GT(o.attempts, 1);

    ordering never;
    never.client.shop.service.answer({::grpc::UNAVAILABLE, "no"}, {"grpc-retry-pushback-ms", "-1"});
    EXPECT_FALSE(never.through(calls));
    EXPECT_EQ(never.attempts, 1);
}

TEST(grpc_call, is_not_tried_again_without_budget) {
    ordering o;
    auto budget = std::make_shared<retry_budget>(retry_budget_options{.ratio = 0, .min_per_second = 0});
    retry again{retry_options{.base = 0ms, .cap = 0ms, .budget = budget}};
    pipeline calls{again};
    o.client.shop.service.answer(::grpc::UNAVAILABLE);
    EXPECT_FALSE(o.through(calls));
    EXPECT_EQ(o.attempts, 1);
    EXPECT_EQ(again.snapshot().budget_exhausted, 1u);
}

TEST(grpc_call, sleeps_for_no_attempt_that_the_deadline_would_not_allow) {
    ordering o;
    retry again{retry_options{.jitter = jitter_kind::none, .base = 60s, .cap = 60s}};
    pipeline calls{timeout{30s}, again};
    o.client.shop.service.answer(::grpc::UNAVAILABLE);
    const auto ended = o.through(calls);
    ASSERT_FALSE(ended);
    EXPECT_NE(ended.error().error(), nullptr) << "the server's answer, at once";
    EXPECT_EQ(again.snapshot().deadline_too_near, 1u);
}

TEST(grpc_call, gives_each_attempt_what_is_left_of_the_nearest_timeout) {
    ordering o;
    retry again{at_once};
    pipeline calls{timeout{1h}, again, timeout{20ms}};
    o.client.shop.service.hold();
    const auto before = std::chrono::system_clock::now();
    std::vector<std::chrono::system_clock::time_point> deadlines;
    const auto ended = call(calls, [&](::grpc::ClientContext& context) {
        deadlines.push_back(context.deadline());
        return o.client.order(context);
    });
    ASSERT_FALSE(ended);
    ASSERT_NE(ended.error().rejected(), nullptr);
    ASSERT_GE(deadlines.size(), 2u) << "the first attempt's end is not the call's";
    EXPECT_GE(deadlines[0], before + 19ms);
    EXPECT_LT(deadlines[0], before + 10s);
    EXPECT_GE(deadlines[1], deadlines[0] + 15ms);
    EXPECT_EQ(o.client.seen().totals.failures, 2u) << "a deadline is a failure to the breaker";
}

TEST(grpc_call, that_runs_out_of_time_has_timed_out) {
    ordering o;
    pipeline calls{timeout{20ms}};
    o.client.shop.service.hold();
    const auto ended = o.through(calls);
    ASSERT_FALSE(ended);
    ASSERT_NE(ended.error().rejected(), nullptr);
    EXPECT_EQ(ended.error().rejected()->code, errc::timed_out);
}

TEST(grpc_call, ends_when_its_caller_stops_it) {
    ordering o;
    retry again{at_once};
    pipeline calls{again};
    o.client.shop.service.hold();
    std::stop_source stop;
    auto ended = std::async(std::launch::async, [&] { return o.through(calls, {.stop = stop.get_token()}); });
    o.client.shop.service.wait_for_call(1);
    stop.request_stop();
    EXPECT_FALSE(ended.get());
    EXPECT_EQ(o.attempts, 1);
    EXPECT_EQ(o.client.seen().totals.ignored, 1u);
}

}  // namespace
}  // namespace fusebox::grpc
