// A gRPC channel with a breaker that keeps a call off the wire, for users of the component grpc, which brings gRPC.
#include <fusebox/grpc/interceptor.hpp>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <future>
#include <memory>

int main() {
    const auto breakers = std::make_shared<fusebox::circuit_breaker_registry>();
    breakers->get("/shop.Orders/Place")->force_open();
    grpc::GenericStub stub{grpc::experimental::CreateCustomChannelWithInterceptors(
        "127.0.0.1:1", grpc::InsecureChannelCredentials(), {}, fusebox::grpc::interceptors({.breakers = breakers}))};

    grpc::ClientContext context;
    const grpc::ByteBuffer request;
    grpc::ByteBuffer response;
    std::promise<grpc::Status> ended;
    stub.UnaryCall(&context, "/shop.Orders/Place", {}, &request, &response,
                   [&](grpc::Status s) { ended.set_value(std::move(s)); });
    std::printf("%s\n", ended.get_future().get().error_message().c_str());
    return fusebox::grpc::refusal(context) ? 0 : 1;
}
