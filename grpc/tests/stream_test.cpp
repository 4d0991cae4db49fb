#include "shop_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace fusebox::grpc {
namespace {

using namespace std::chrono_literals;

constexpr const char* watch = "/shop.Orders/Watch";
constexpr const char* import = "/shop.Orders/Import";
constexpr const char* haggle = "/shop.Orders/Haggle";

TEST(grpc_stream, is_judged_by_its_final_status) {
    shop_client client;
    const auto watched = [&] {
        ::grpc::ClientContext context;
        const auto stream = client.stub->Watch(&context, {});
        while (stream->Read(&client.receipt)) {}
        return stream->Finish().error_code();
    };
    EXPECT_EQ(watched(), ::grpc::OK);
    client.shop.service.answer(::grpc::DATA_LOSS);
    EXPECT_EQ(watched(), ::grpc::DATA_LOSS);
    EXPECT_EQ(client.receipt.number(), 2) << "a stream that gave a message may fail all the same";
    EXPECT_EQ(client.seen(watch).totals.successes, 1u);
    EXPECT_EQ(client.seen(watch).totals.failures, 1u);
}

TEST(grpc_stream, from_the_server_is_refused_at_its_start) {
    shop_client client;
    client.breakers->get(watch)->force_open();
    ::grpc::ClientContext context;
    const auto stream = client.stub->Watch(&context, {});
    EXPECT_FALSE(stream->Read(&client.receipt));
    EXPECT_EQ(stream->Finish().error_code(), ::grpc::UNAVAILABLE);
    EXPECT_TRUE(refusal(context));
    EXPECT_EQ(client.shop.service.calls(), 0);
}

TEST(grpc_stream, to_the_server_is_refused_at_its_start) {
    shop_client client;
    client.breakers->get(import)->force_open();
    ::grpc::ClientContext context;
    const auto stream = client.stub->Import(&context, &client.receipt);
    EXPECT_FALSE(stream->Write({}));
    stream->WritesDone();
    EXPECT_EQ(stream->Finish().error_code(), ::grpc::UNAVAILABLE);
    EXPECT_TRUE(refusal(context));
    EXPECT_EQ(client.shop.service.calls(), 0);
}

TEST(grpc_stream, in_both_directions_is_refused_at_its_start) {
    shop_client client;
    client.breakers->get(haggle)->force_open();
    ::grpc::ClientContext context;
    const auto stream = client.stub->Haggle(&context);
    EXPECT_FALSE(stream->Write({}));
    EXPECT_FALSE(stream->Read(&client.receipt));
    EXPECT_EQ(stream->Finish().error_code(), ::grpc::UNAVAILABLE);
    EXPECT_TRUE(refusal(context));
    EXPECT_EQ(client.shop.service.calls(), 0);
}

TEST(grpc_stream, passes_in_both_directions) {
    shop_client client;
    ::grpc::ClientContext context;
    const auto stream = client.stub->Haggle(&context);
    EXPECT_TRUE(stream->Write({}));
    EXPECT_TRUE(stream->Read(&client.receipt));
    EXPECT_TRUE(stream->WritesDone());
    EXPECT_FALSE(stream->Read(&client.receipt));
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(client.seen(haggle).totals.successes, 1u);
}

TEST(grpc_stream, on_a_completion_queue_is_refused_at_its_start) {
    shop_client client;
    client.breakers->get(watch)->force_open();
    ::grpc::CompletionQueue queue;
    const auto next = [&] {
        void* tag = nullptr;
        bool ok = false;
        EXPECT_TRUE(queue.Next(&tag, &ok));
        return ok;
    };
    ::grpc::ClientContext context;
    ::grpc::Status status;
    const auto stream = client.stub->PrepareAsyncWatch(&context, {}, &queue);
    stream->StartCall(nullptr);
    EXPECT_FALSE(next()) << "it does not go to the wire";
    stream->Read(&client.receipt, nullptr);
    EXPECT_FALSE(next());
    stream->Finish(&status, nullptr);
    EXPECT_TRUE(next());
    EXPECT_EQ(status.error_code(), ::grpc::UNAVAILABLE);
    EXPECT_TRUE(refusal(context));
    queue.Shutdown();
}

TEST(grpc_stream, with_callbacks_is_refused_at_its_start) {
    struct reader final : ::grpc::ClientReadReactor<shop::Receipt> {
        void OnReadDone(bool ok) override { messages += ok ? 1 : 0; }
        void OnDone(const ::grpc::Status& s) override { done.set_value(s.error_code()); }
        ::grpc::ClientContext context;
        shop::Order order;
        shop::Receipt receipt;
        int messages = 0;
        std::promise<::grpc::StatusCode> done;
    };
    shop_client client;
    client.breakers->get(watch)->force_open();
    reader refused;
    client.stub->async()->Watch(&refused.context, &refused.order, &refused);
    refused.StartRead(&refused.receipt);
    refused.StartCall();
    EXPECT_EQ(refused.done.get_future().get(), ::grpc::UNAVAILABLE);
    EXPECT_EQ(refused.messages, 0);
    EXPECT_TRUE(refusal(refused.context));
    EXPECT_EQ(client.shop.service.calls(), 0);
}

TEST(grpc_stream, is_not_slow_because_it_is_long) {
    shop_client client;
    client.shop.service.hold();
    ::grpc::ClientContext context;
    const auto stream = client.stub->Watch(&context, {});
    EXPECT_TRUE(stream->Read(&client.receipt));
    client.clock.advance(1h);
    client.shop.service.release();
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(client.seen(watch).totals.successes, 1u);
    EXPECT_EQ(client.seen(watch).totals.slow_calls, 0u);
}

TEST(grpc_stream, as_a_trial_succeeds_with_its_first_message) {
    shop_client client;
    client.breakers->get(watch)->trip(trip_rule::children);
    client.clock.advance(5s);
    client.shop.service.hold();
    ::grpc::ClientContext context;
    const auto stream = client.stub->Watch(&context, {});
    EXPECT_TRUE(stream->Read(&client.receipt));
    EXPECT_EQ(client.seen(watch).state, circuit_state::closed)
        << "waits for the end of a stream that may last for hours";
    client.shop.service.answer(::grpc::UNAVAILABLE);
    client.shop.service.release();
    EXPECT_EQ(stream->Finish().error_code(), ::grpc::UNAVAILABLE);
    EXPECT_EQ(client.seen(watch).totals.failures, 0u) << "one call, one verdict";
}

TEST(grpc_stream, as_a_trial_fails_when_it_ends_without_a_message) {
    shop_client client;
    client.breakers->get(import)->trip(trip_rule::children);
    client.clock.advance(5s);
    client.shop.service.answer(::grpc::UNAVAILABLE);
    ::grpc::ClientContext context;
    const auto stream = client.stub->Import(&context, &client.receipt);
    stream->WritesDone();
    EXPECT_EQ(stream->Finish().error_code(), ::grpc::UNAVAILABLE);
    EXPECT_EQ(client.seen(import).state, circuit_state::open);
}

TEST(grpc_stream, gives_its_place_back_when_it_is_dropped) {
    shop_client client;
    client.breakers->get(watch)->trip(trip_rule::children);
    client.clock.advance(5s);
    {
        ::grpc::ClientContext context;
        const auto dropped = client.stub->Watch(&context, {});
        EXPECT_EQ(client.seen(watch).half_open.in_flight, 1u);
        context.TryCancel();
    }
    EXPECT_EQ(client.seen(watch).half_open.in_flight, 0u);
    EXPECT_EQ(client.seen(watch).totals.abandoned, 1u);
}

}  // namespace
}  // namespace fusebox::grpc
