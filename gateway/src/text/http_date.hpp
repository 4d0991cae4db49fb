// Reads dates as HTTP writes them (RFC 9110, section 5.6.7): no clock, no locale.
//
// Thread-safety: functions of their arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::gateway {

// Seconds since 1970 of "Sun, 06 Nov 1994 08:49:37 GMT", or of the obsolete forms "Sunday, 06-Nov-94 08:49:37 GMT"
// (of the years 1970 to 2069) and "Sun Nov  6 08:49:37 1994". Nothing when it is none of them, or no such day or
// time. Whether the day has that name is not looked at.
std::optional<std::int64_t> parse_http_date(std::string_view text) noexcept;

}  // namespace fusebox::gateway
