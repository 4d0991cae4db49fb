#include <fusebox/grpc/status.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>

namespace fusebox::grpc {

verdict breaker_verdict(const answer& a) noexcept {
    return classify_status(a.status.error_code());
}

verdict retry_verdict(const answer& a) noexcept {
    const auto code = a.status.error_code();
    if (code == ::grpc::OK) return verdict::success;
    if (a.pushback) return *a.pushback < duration{0} ? verdict::ignored : verdict::failure;
    return code == ::grpc::UNAVAILABLE || code == ::grpc::DEADLINE_EXCEEDED ? verdict::failure : verdict::ignored;
}

std::optional<duration> pushback_in(const trailing_metadata& metadata) noexcept {
    using std::chrono::milliseconds;
    constexpr milliseconds longest = std::chrono::hours{24};
    const auto found = metadata.find("grpc-retry-pushback-ms");
    if (found == metadata.end()) return {};
    const ::grpc::string_ref& text = found->second;
    const char* const end = text.data() + text.size();
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec == std::errc::result_out_of_range && *text.data() != '-') return longest;
    if (read.ec != std::errc{} || read.ptr != end || number < 0) return milliseconds{-1};
    return std::min(milliseconds{number}, longest);
}

report report_of(verdict outcome, const answer& a) noexcept {
    report r{outcome};
    if (outcome != verdict::failure) return r;
    if (a.status.error_code() == ::grpc::DEADLINE_EXCEEDED) r.elapsed = duration::max();
    if (a.pushback && *a.pushback >= duration{0}) r.retry_after = a.pushback;
    return r;
}

}  // namespace fusebox::grpc
