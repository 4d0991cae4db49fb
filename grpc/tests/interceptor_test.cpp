#include "shop_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace fusebox::grpc {
namespace {

using namespace std::chrono_literals;

TEST(grpc_interceptor, lets_a_healthy_method_be_called) {
    shop_client client;
    EXPECT_EQ(client.order(), ::grpc::OK);
    EXPECT_EQ(client.receipt.number(), 1);
    EXPECT_EQ(client.seen().totals.successes, 1u);
}

TEST(grpc_interceptor, opens_at_failures_and_then_keeps_calls_off_the_wire) {
    shop_client client;
    client.trip();
    EXPECT_EQ(client.seen().state, circuit_state::open);

    client.clock.advance(1500us);
    ::grpc::ClientContext context;
    const auto status = client.order(context);
    EXPECT_EQ(client.shop.service.calls(), 2);
    EXPECT_EQ(status.error_code(), ::grpc::UNAVAILABLE);
    EXPECT_EQ(status.error_message(),
              "fusebox: not sent, the circuit breaker /shop.Orders/Place is OPEN; retry after 4999 ms");
    EXPECT_EQ(refusal(context), (rejection{errc::circuit_open, 4999ms}));
    EXPECT_EQ(client.seen().totals.rejected, 1u);
}

TEST(grpc_interceptor, tells_its_refusal_from_a_servers_that_looks_the_same) {
    shop_client client;
    client.shop.service.answer({::grpc::UNAVAILABLE, "fusebox: not sent"}, {"fusebox-refusal", "circuit_open"});
    ::grpc::ClientContext context;
    EXPECT_EQ(client.order(context).error_code(), ::grpc::UNAVAILABLE);
    ASSERT_EQ(context.GetServerTrailingMetadata().count("fusebox-refusal"), 1u);
    EXPECT_EQ(refusal(context), std::nullopt);
    EXPECT_EQ(client.seen().totals.failures, 1u);
}

TEST(grpc_interceptor, says_when_an_operator_has_opened_the_circuit) {
    shop_client client;
    client.breakers->get(place)->force_open();
    ::grpc::ClientContext context;
    EXPECT_EQ(client.order(context).error_message(),
              "fusebox: not sent, the circuit breaker /shop.Orders/Place was opened by an operator");
    EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 0u) << "nobody knows until when";
    EXPECT_EQ(refusal(context), rejection{errc::circuit_open});
}

TEST(grpc_interceptor, has_one_breaker_a_method_with_settings_of_its_own) {
    shop_client client;
    const char* const import = "/shop.Orders/Import";
    ASSERT_TRUE(client.breakers->configure(import, {.consecutive_failures = 1}));
    EXPECT_EQ(client.breakers->find(import), nullptr) << "made before it is called";
    client.shop.service.answer(::grpc::UNAVAILABLE);
    ::grpc::ClientContext context;
    const auto stream = client.stub->Import(&context, &client.receipt);
    stream->WritesDone();
    EXPECT_EQ(stream->Finish().error_code(), ::grpc::UNAVAILABLE);
    EXPECT_EQ(client.order(), ::grpc::UNAVAILABLE);
    EXPECT_EQ(client.seen(import).state, circuit_state::open);
    EXPECT_EQ(client.seen().state, circuit_state::closed);
}

TEST(grpc_interceptor, half_opens_tries_once_and_closes) {
    shop_client client;
    client.trip();
    client.shop.service.answer(::grpc::OK);
    client.clock.advance(5s);
    EXPECT_EQ(client.order(), ::grpc::OK);
    EXPECT_EQ(client.seen().state, circuit_state::closed);
}

TEST(grpc_interceptor, lets_one_trial_pass_at_a_time) {
    shop_client client;
    client.trip();
    client.clock.advance(5s);
    client.shop.service.answer(::grpc::OK);
    client.shop.service.hold();
    auto trial = std::async(std::launch::async, [&] { return client.order(); });
    client.shop.service.wait_for_call(3);
    ::grpc::ClientContext context;
    shop::Receipt receipt;
    EXPECT_NE(client.stub->Place(&context, {}, &receipt).error_message().find("is HALF-OPEN, and its trial calls"),
              std::string::npos);
    client.shop.service.release();
    EXPECT_EQ(trial.get(), ::grpc::OK);
    EXPECT_EQ(client.seen().state, circuit_state::closed);
}

TEST(grpc_interceptor, stays_closed_while_callers_are_wrong) {
    shop_client client;
    for (const auto code : {::grpc::INVALID_ARGUMENT, ::grpc::NOT_FOUND, ::grpc::UNAUTHENTICATED}) {
        client.shop.service.answer(code);
        EXPECT_EQ(client.order(), code);
    }
    EXPECT_EQ(client.seen().totals.successes, 2u);
    EXPECT_EQ(client.seen().totals.ignored, 1u);
}

TEST(grpc_interceptor, ignores_what_its_caller_cancels) {
    shop_client client;
    client.shop.service.hold();
    ::grpc::ClientContext context;
    auto call = std::async(std::launch::async, [&] { return client.order(context).error_code(); });
    client.shop.service.wait_for_call(1);
    context.TryCancel();
    EXPECT_EQ(call.get(), ::grpc::CANCELLED);
    EXPECT_EQ(client.seen().totals.ignored, 1u);
}

TEST(grpc_interceptor, counts_a_deadline_that_struck_as_a_slow_failure) {
    shop_client client;
    client.shop.service.hold();
    ::grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20ms);
    EXPECT_EQ(client.order(context).error_code(), ::grpc::DEADLINE_EXCEEDED);
    EXPECT_EQ(client.seen().totals.failures, 1u);
    EXPECT_EQ(client.seen().totals.slow_calls, 1u);
}

TEST(grpc_interceptor, stays_open_for_as_long_as_the_server_asks) {
    shop_client client;
    client.shop.service.answer({::grpc::RESOURCE_EXHAUSTED, "later"}, {"grpc-retry-pushback-ms", "60000"});
    client.order();
    client.order();
    EXPECT_EQ(client.seen().retry_after, 60s);
}

TEST(grpc_interceptor, asks_the_classifier_it_was_given) {
    shop_client client{[](const answer& a) {
        if (a.status.error_code() == ::grpc::UNKNOWN) throw std::runtime_error("no idea");
        return a.status.error_code() == ::grpc::NOT_FOUND ? verdict::failure : breaker_verdict(a);
    }};
    for (const auto code : {::grpc::NOT_FOUND, ::grpc::UNKNOWN, ::grpc::OK}) {
        client.shop.service.answer(code);
        EXPECT_EQ(client.order(), code);
    }
    const auto totals = client.seen().totals;
    EXPECT_EQ(totals.failures, 1u);
    EXPECT_EQ(totals.ignored, 1u) << "a classifier that throws says nothing of the server";
    EXPECT_EQ(totals.successes, 1u);
}

TEST(grpc_interceptor, guards_calls_on_a_completion_queue) {
    shop_client client;
    ::grpc::CompletionQueue queue;
    const auto order = [&](::grpc::ClientContext& context) {
        ::grpc::Status status;
        shop::Receipt receipt;
        const auto call = client.stub->AsyncPlace(&context, {}, &queue);
        call->Finish(&receipt, &status, &status);
        void* tag = nullptr;
        bool ok = false;
        EXPECT_TRUE(queue.Next(&tag, &ok) && ok && tag == &status);
        return status.error_code();
    };
    ::grpc::ClientContext healthy, refused;
    EXPECT_EQ(order(healthy), ::grpc::OK);
    EXPECT_EQ(client.seen().totals.successes, 1u);
    client.trip();
    EXPECT_EQ(order(refused), ::grpc::UNAVAILABLE);
    EXPECT_TRUE(refusal(refused));
    EXPECT_EQ(client.shop.service.calls(), 3);
    queue.Shutdown();
}

TEST(grpc_interceptor, guards_calls_with_a_callback) {
    shop_client client;
    const auto order = [&](::grpc::ClientContext& context) {
        shop::Order request;
        shop::Receipt receipt;
        std::promise<::grpc::StatusCode> done;
        client.stub->async()->Place(&context, &request, &receipt,
                                    [&](const ::grpc::Status& s) { done.set_value(s.error_code()); });
        return done.get_future().get();
    };
    ::grpc::ClientContext healthy, refused;
    EXPECT_EQ(order(healthy), ::grpc::OK);
    EXPECT_EQ(client.seen().totals.successes, 1u);
    client.trip();
    EXPECT_EQ(order(refused), ::grpc::UNAVAILABLE);
    EXPECT_TRUE(refusal(refused));
    EXPECT_EQ(client.shop.service.calls(), 3);
}

TEST(grpc_interceptor, keeps_what_a_call_needs_when_all_else_is_gone) {
    shop_client client;
    client.shop.service.hold();
    ::grpc::CompletionQueue queue;
    ::grpc::ClientContext context;
    ::grpc::Status status{::grpc::UNKNOWN, "not ended"};
    shop::Receipt receipt;
    auto call = client.stub->AsyncPlace(&context, {}, &queue);
    call->Finish(&receipt, &status, &status);
    client.shop.service.wait_for_call(1);
    client.stub.reset();
    client.channel.reset();
    client.breakers.reset();
    client.shop.service.release();
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_TRUE(status.ok()) << status.error_message();
    queue.Shutdown();
}

TEST(grpc_interceptor, asks_for_no_permit_before_a_call_is_started) {
    shop_client client;
    ::grpc::CompletionQueue queue;
    {
        ::grpc::ClientContext context;
        const auto never_started = client.stub->PrepareAsyncHaggle(&context, &queue);  // gRPC would leak a message
    }
    EXPECT_EQ(client.seen("/shop.Orders/Haggle").totals.calls(), 0u);
    queue.Shutdown();
}

TEST(grpc_interceptor, counts_every_call_of_many_threads_once) {
    shop_client client;
    constexpr int threads = 8, each = 40;
    std::atomic<int> refused{0};
    {
        std::vector<std::jthread> callers;
        for (int t = 0; t < threads; ++t) {
            callers.emplace_back([&, t] {
                for (int i = 0; i < each; ++i) {
                    client.shop.service.answer((i + t) % 5 == 0 ? ::grpc::UNAVAILABLE : ::grpc::OK);
                    ::grpc::ClientContext context;
                    shop::Receipt receipt;
                    (void)client.stub->Place(&context, {}, &receipt);
                    if (refusal(context)) ++refused;
                    if (i % 10 == 0) client.clock.advance(5s);
                }
            });
        }
    }
    const auto totals = client.seen().totals;
    EXPECT_EQ(totals.calls(), unsigned(threads * each)) << "a reclaimed trial is late, and no failure besides";
    EXPECT_EQ(totals.rejected, unsigned(refused));
    EXPECT_EQ(client.shop.service.calls(), threads * each - refused);
    EXPECT_EQ(totals.abandoned, 0u);
}

TEST(grpc_interceptor, refuses_options_without_breakers) {
    try {
        (void)interceptors({});
        FAIL() << "accepted";
    } catch (const configuration_error& e) {
        ASSERT_EQ(e.errors().size(), 1u);
        EXPECT_EQ(e.errors()[0].option, "breakers");
    }
}

}  // namespace
}  // namespace fusebox::grpc
