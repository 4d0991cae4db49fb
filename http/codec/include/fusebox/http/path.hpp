// The one spelling of a path that routes are matched against (RFC 3986, section 6.2.2): escapes of unreserved
// characters decoded, the other escapes in upper case, `.` and `..` resolved. What is forwarded stays as it came.
//
// Empty segments stay: `//a` is not `/a`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

namespace fusebox::http {

enum class path_errc : std::uint8_t {
    not_absolute = 1,    // does not begin with a slash
    character_refused,   // not a pchar of RFC 3986, nor one of [ ] ^ | that browsers do not escape
    fragment,            // '#'
    escape_malformed,    // '%' without two hexadecimal digits after it
    nul,                 // %00
    above_root,          // more `..` than segments before them
    hidden_dot_segment,  // a `..` beside an escaped slash or backslash, which some server will take for one
    buffer_too_small,    // the buffer must be as large as the path
};

std::string_view sentence(path_errc e) noexcept;

// `path` without its query. The answer lies in `buffer`, or is `path` itself when that is normal already.
std::expected<std::string_view, path_errc> normalise_path(std::string_view path, std::span<char> buffer) noexcept;

}  // namespace fusebox::http
