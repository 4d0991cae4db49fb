// A circuit breaker around every method that is called through a channel, without a change to the calls.
//
//   auto breakers = std::make_shared<fusebox::circuit_breaker_registry>(fusebox::presets::internal_service());
//   breakers->configure("/shop.Orders/Place", fusebox::presets::external_api());
//   auto channel = grpc::experimental::CreateCustomChannelWithInterceptors(
//       address, credentials, {}, fusebox::grpc::interceptors({.breakers = breakers}));
//
// The breaker of a method has its full name, "/package.Service/Method", and is made at its first call. A
// refused call never reaches the wire: it ends at once as UNAVAILABLE, with a message that says so, and
// refusal() tells it from a server's UNAVAILABLE. Blocking calls, those on a completion queue, callbacks and
// streams all pass here. Rules and limits: docs/grpc.md.
//
// Thread-safety: a channel's interceptors may be used by any number of threads. Nothing here blocks or waits.
#pragma once

#include <fusebox/circuit_breaker_registry.hpp>
#include <fusebox/grpc/status.hpp>

#include <grpcpp/support/client_interceptor.h>

#include <memory>
#include <optional>
#include <vector>

namespace grpc {
class ClientContext;
}

namespace fusebox::grpc {

struct interceptor_options {
    // One breaker a method; share one registry among the channels to one service, and no others.
    std::shared_ptr<circuit_breaker_registry> breakers{};
    classifier classify{};  // breaker_verdict when empty; one that throws has ignored the call

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
};

// For CreateCustomChannelWithInterceptors. Others may be added in front, which then see the refusals, or
// behind, which see only the calls that are made. Throws configuration_error when options.validate() finds anything.
std::vector<std::unique_ptr<::grpc::experimental::ClientInterceptorFactoryInterface>> interceptors(
    interceptor_options options);

// The breaker's answer, if it refused the call with this context; ask when the call has its status. Cannot
// be mistaken for, or forged by, anything that came over the wire.
std::optional<rejection> refusal(const ::grpc::ClientContext& finished);

}  // namespace fusebox::grpc
