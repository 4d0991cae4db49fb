// What the status of a gRPC call says of the server, and whether another attempt may help.
//
// The table with its reasons is in docs/grpc.md. In short: a failure is what the server, or the way to it,
// did wrong; where the server did its work and the answer was no, that is a success; what may come from
// somebody else (a proxy, the caller's own credentials, the caller hanging up) is ignored.
//
// Thread-safety: functions of their arguments only.
#pragma once

#include <fusebox/verdict.hpp>

#include <grpcpp/support/status.h>
#include <grpcpp/support/string_ref.h>

#include <functional>
#include <map>
#include <optional>

namespace fusebox::grpc {

using trailing_metadata = std::multimap<::grpc::string_ref, ::grpc::string_ref>;

// How a call ended.
struct answer {
    const ::grpc::Status& status;
    std::optional<duration> pushback{};  // the server's grpc-retry-pushback-ms; negative: do not try again
};

// Turns an answer into a verdict. Called on gRPC's threads, several at once; must not block.
using classifier = std::function<verdict(const answer&)>;

// What a circuit breaker makes of a status code; one that gRPC does not know counts as UNKNOWN, a failure.
constexpr verdict classify_status(::grpc::StatusCode code) noexcept {
    switch (code) {
        case ::grpc::OK:
        case ::grpc::INVALID_ARGUMENT:
        case ::grpc::NOT_FOUND:
        case ::grpc::ALREADY_EXISTS:
        case ::grpc::FAILED_PRECONDITION:
        case ::grpc::ABORTED:
        case ::grpc::OUT_OF_RANGE: return verdict::success;
        case ::grpc::CANCELLED:
        case ::grpc::PERMISSION_DENIED:
        case ::grpc::UNAUTHENTICATED:
        case ::grpc::UNIMPLEMENTED: return verdict::ignored;
        default: return verdict::failure;
    }
}

// The verdict for a circuit breaker: classify_status().
verdict breaker_verdict(const answer& a) noexcept;

// The verdict for a retry: failure, "try again", for UNAVAILABLE and DEADLINE_EXCEEDED, and for whatever
// the server itself asks to have tried again by a pushback; ignored, "another attempt would end the same",
// for all else.
verdict retry_verdict(const answer& a) noexcept;

// The server's wish in a call's trailing metadata. Values that cannot be read, and negative ones, mean
// "do not try again", as gRPC's retry design (A6) has it. Bounded by 24 hours.
std::optional<duration> pushback_in(const trailing_metadata& metadata) noexcept;

// A verdict with what else the answer tells: a deadline that struck makes a failure a slow one, and a
// pushback of a failure is its Retry-After.
report report_of(verdict outcome, const answer& a) noexcept;

}  // namespace fusebox::grpc
