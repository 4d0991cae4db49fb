// W3C Trace Context: a request keeps its trace, and every try of ours is a span of its own in it.
// https://www.w3.org/TR/trace-context/
//
// Thread-safety: functions of their arguments; randomness is one of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::gateway {

struct trace_parent {
    std::array<char, 32> trace_id{};  // lower-case hex, not all zero
    std::array<char, 16> span_id{};
    bool sampled = false;

    friend bool operator==(const trace_parent&, const trace_parent&) = default;
};

// Reads a traceparent. Nothing when it is invalid, and then tracestate is to be ignored as well. Of versions later
// than 00 only what 00 knows is read. Flags that we do not know are left out.
std::optional<trace_parent> parse_trace_parent(std::string_view value) noexcept;

// "00-<trace>-<span>-01"
inline constexpr std::size_t trace_parent_length = 55;
std::array<char, trace_parent_length> to_text(const trace_parent& parent) noexcept;

// The parent that a try sends: the trace of `from`, or a new one, sampled as wanted, and a new span. Each random
// number is uniform over 64 bits.
trace_parent child_of(const trace_parent& from, std::uint64_t random) noexcept;
trace_parent new_trace(bool sampled, const std::array<std::uint64_t, 3>& random) noexcept;

// True when a line of tracestate may be forwarded: members key=value, no key twice. At most 32 in all lines, which
// the caller adds up in `members`. Empty members are allowed.
bool valid_trace_state(std::string_view line, unsigned& members) noexcept;

// A request id that somebody else made may be kept: 1 to 128 letters, digits, and - _ . ~ : / + = @
bool valid_request_id(std::string_view id) noexcept;

// A new one: 32 hex digits.
std::array<char, 32> new_request_id(std::uint64_t high, std::uint64_t low) noexcept;

}  // namespace fusebox::gateway
