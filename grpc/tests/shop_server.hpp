// A real gRPC server on a free port of the loopback, whose answers the test says, and channels to it.
#pragma once

#include <fusebox/grpc/interceptor.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <grpcpp/grpcpp.h>
#include <shop.grpc.pb.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace fusebox::grpc {

class shop_service final : public shop::Orders::Service {
public:
    // What all calls are answered with from now on, and what stands in their trailing metadata.
    void answer(::grpc::Status status, std::pair<std::string, std::string> metadata = {}) {
        const std::scoped_lock hold(mutex_);
        status_ = std::move(status);
        metadata_ = std::move(metadata);
    }
    void answer(::grpc::StatusCode code) { answer(::grpc::Status{code, "as the test said"}); }

    // Calls that arrive are not answered until release(), which lets go of all; streams have sent one message.
    void hold() { set_held(true); }
    void release() { set_held(false); }
    void wait_for_call(int number) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return calls_ >= number; });
    }

    int calls() const {
        const std::scoped_lock hold(mutex_);
        return calls_;
    }

private:
    ::grpc::Status Place(::grpc::ServerContext* context, const shop::Order*, shop::Receipt* receipt) override {
        return enter(*context, [&](int number) { receipt->set_number(number); });
    }
    ::grpc::Status Watch(::grpc::ServerContext* context, const shop::Order*,
                         ::grpc::ServerWriter<shop::Receipt>* out) override {
        return enter(*context, [&](int number) { out->Write(receipt(number)); });
    }
    ::grpc::Status Import(::grpc::ServerContext* context, ::grpc::ServerReader<shop::Order>* in,
                          shop::Receipt* receipt) override {
        shop::Order order;
        while (in->Read(&order)) receipt->set_number(receipt->number() + 1);
        return enter(*context, [](int) {});
    }
    ::grpc::Status Haggle(::grpc::ServerContext* context,
                          ::grpc::ServerReaderWriter<shop::Receipt, shop::Order>* peer) override {
        shop::Order order;
        while (peer->Read(&order)) peer->Write(receipt(1));
        return enter(*context, [](int) {});
    }

    template <class Say>
    ::grpc::Status enter(::grpc::ServerContext& context, Say say) {
        std::unique_lock lock(mutex_);
        const int number = ++calls_;
        changed_.notify_all();
        say(number);
        changed_.wait(lock, [&] { return !held_; });
        if (!metadata_.first.empty()) context.AddTrailingMetadata(metadata_.first, metadata_.second);
        return status_;
    }
    static shop::Receipt receipt(int number) {
        shop::Receipt r;
        r.set_number(number);
        return r;
    }
    void set_held(bool held) {
        const std::scoped_lock hold(mutex_);
        held_ = held;
        changed_.notify_all();
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    ::grpc::Status status_;
    std::pair<std::string, std::string> metadata_;
    bool held_ = false;
    int calls_ = 0;
};

struct shop_server {
    shop_server() {
        ::grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:0", ::grpc::InsecureServerCredentials(), &port);
        builder.RegisterService(&service);
        server = builder.BuildAndStart();
    }
    ~shop_server() {
        service.release();
        server->Shutdown();
    }
    shop_server(const shop_server&) = delete;
    shop_server& operator=(const shop_server&) = delete;

    std::shared_ptr<::grpc::Channel> channel(interceptor_options options) const {
        return ::grpc::experimental::CreateCustomChannelWithInterceptors("127.0.0.1:" + std::to_string(port),
                                                                         ::grpc::InsecureChannelCredentials(), {},
                                                                         interceptors(std::move(options)));
    }

    int port = 0;
    shop_service service;
    std::unique_ptr<::grpc::Server> server;
};

inline constexpr const char* place = "/shop.Orders/Place";

// A client of the shop: breakers that open at the second failure in a row, on a clock that stands still.
struct shop_client {
    explicit shop_client(classifier classify = {}) : channel(shop.channel({breakers, std::move(classify)})) {}

    ::grpc::Status order(::grpc::ClientContext& context) { return stub->Place(&context, {}, &receipt); }
    ::grpc::StatusCode order() {
        ::grpc::ClientContext context;
        return order(context).error_code();
    }
    // Opens the breaker of Place: two calls, of which each reached the server.
    void trip() {
        shop.service.answer(::grpc::UNAVAILABLE);
        order();
        order();
    }
    circuit_snapshot seen(const char* method = place) const { return breakers->get(method)->snapshot(); }

    testing::manual_clock clock;
    shop_server shop;
    std::shared_ptr<circuit_breaker_registry> breakers = std::make_shared<circuit_breaker_registry>(
        circuit_breaker_options{.consecutive_failures = 2,
                                .slow_call_duration = std::chrono::seconds{10},
                                .slow_call_rate_threshold = 1.0,
                                .open_for = std::chrono::seconds{5},
                                .open_jitter = 0,
                                .half_open_calls = 1,
                                .trial_lease = std::chrono::seconds{30}},
        &clock);
    std::shared_ptr<::grpc::Channel> channel;
    std::unique_ptr<shop::Orders::Stub> stub = shop::Orders::NewStub(channel);
    shop::Receipt receipt;
};

}  // namespace fusebox::grpc
