#include <fusebox/grpc/status.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <limits>
#include <string>

namespace fusebox::grpc {
namespace {

using namespace std::chrono_literals;

TEST(grpc_status, has_a_verdict_for_each_code) {
    using enum verdict;
    constexpr std::array by_code{success,  // OK
                                 ignored,  // CANCELLED
                                 failure,  // UNKNOWN
                                 success,  // INVALID_ARGUMENT
                                 failure,  // DEADLINE_EXCEEDED
                                 success,  // NOT_FOUND
                                 success,  // ALREADY_EXISTS
                                 ignored,  // PERMISSION_DENIED
                                 failure,  // RESOURCE_EXHAUSTED
                                 success,  // FAILED_PRECONDITION
                                 success,  // ABORTED
                                 success,  // OUT_OF_RANGE
                                 ignored,  // UNIMPLEMENTED
                                 failure,  // INTERNAL
                                 failure,  // UNAVAILABLE
                                 failure,  // DATA_LOSS
                                 ignored,  // UNAUTHENTICATED
                                 failure,  // and one that does not exist
                                 failure};
    for (std::size_t code = 0; code < by_code.size(); ++code)
        EXPECT_EQ(classify_status(static_cast<::grpc::StatusCode>(code)), by_code[code]) << "code " << code;
}

TEST(grpc_status, reads_the_pushback_of_the_server) {
    const auto read = [](const std::string& value) {
        return pushback_in({{"other", "1"}, {"grpc-retry-pushback-ms", value}});
    };
    EXPECT_EQ(pushback_in({{"other", "1"}}), std::nullopt);
    EXPECT_EQ(read("0"), 0ms);
    EXPECT_EQ(read("250"), 250ms);
    EXPECT_EQ(read("86400001"), 24h);
    EXPECT_EQ(read("99999999999999999999"), 24h);
    for (const char* never : {"-1", "-99999999999999999999", "", "-", "soon", "12s", " 1"})
        EXPECT_EQ(read(never), -1ms) << '"' << never << '"';
}

TEST(grpc_status, is_tried_again_when_another_attempt_may_help) {
    const auto verdict_of = [](::grpc::StatusCode code, std::optional<duration> pushback = {}) {
        const ::grpc::Status status{code, ""};
        return retry_verdict({status, pushback});
    };
    EXPECT_EQ(verdict_of(::grpc::OK), verdict::success);
    EXPECT_EQ(verdict_of(::grpc::UNAVAILABLE), verdict::failure);
    EXPECT_EQ(verdict_of(::grpc::DEADLINE_EXCEEDED), verdict::failure);
    for (const auto code : {::grpc::INTERNAL, ::grpc::UNKNOWN, ::grpc::RESOURCE_EXHAUSTED, ::grpc::ABORTED})
        EXPECT_EQ(verdict_of(code), verdict::ignored) << "code " << code;

    EXPECT_EQ(verdict_of(::grpc::RESOURCE_EXHAUSTED, 10ms), verdict::failure) << "the server asks for it";
    EXPECT_EQ(verdict_of(::grpc::UNAVAILABLE, -1ms), verdict::ignored) << "the server forbids it";
}

TEST(grpc_status, of_a_deadline_is_slow_and_of_a_pushback_has_a_wish) {
    const ::grpc::Status late{::grpc::DEADLINE_EXCEEDED, ""}, away{::grpc::UNAVAILABLE, ""};
    EXPECT_EQ(report_of(verdict::failure, {late}).elapsed, duration::max());
    EXPECT_EQ(report_of(verdict::ignored, {late}).elapsed, std::nullopt);
    EXPECT_EQ(report_of(verdict::failure, {away}).elapsed, std::nullopt);
    EXPECT_EQ(report_of(verdict::failure, {away, 2s}).retry_after, 2s);
    EXPECT_EQ(report_of(verdict::failure, {away, -1ms}).retry_after, std::nullopt);
    EXPECT_EQ(report_of(verdict::success, {away, 2s}).retry_after, std::nullopt);
}

}  // namespace
}  // namespace fusebox::grpc
