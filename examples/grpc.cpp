// A breaker for each method of a gRPC channel: the stub is used as ever.
#include <fusebox/grpc/interceptor.hpp>

#include <grpcpp/grpcpp.h>
#include <shop.grpc.pb.h>

#include <iostream>

struct shop_without_database final : shop::Orders::Service {
    grpc::Status Place(grpc::ServerContext*, const shop::Order*, shop::Receipt*) override {
        std::cout << "  (the server works in vain)\n";
        return {grpc::StatusCode::UNAVAILABLE, "the database is down"};
    }
};

int main() {
    shop_without_database service;
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port).RegisterService(&service);
    const auto server = builder.BuildAndStart();

    const auto breakers = std::make_shared<fusebox::circuit_breaker_registry>(
        fusebox::circuit_breaker_options{.consecutive_failures = 2});
    const auto channel = grpc::experimental::CreateCustomChannelWithInterceptors(
        "127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), {},
        fusebox::grpc::interceptors({.breakers = breakers}));

    shop::Orders::Stub stub{channel};
    for (int call = 1; call <= 4; ++call) {
        grpc::ClientContext context;
        shop::Receipt receipt;
        const auto status = stub.Place(&context, {}, &receipt);
        std::cout << "call " << call << ": "
                  << (fusebox::grpc::refusal(context) ? "refused at once" : status.error_message()) << std::endl;
    }
    for (const auto& breaker : breakers->all())
        std::cout << breaker->name() << " is " << to_string(breaker->state()) << "\n";
}
