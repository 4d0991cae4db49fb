// `host` or `host:port`, as the field Host and an absolute request target have it.
//
// A host is a name of letters, digits and -._~, an IPv4 address, or an IPv6 address in brackets. The
// sub-delimiters and escapes that RFC 3986 would also allow in a name are refused: no resolver knows such names,
// and readers differ on what "a,b" is. User information is refused (RFC 9110, section 4.2.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::http {

struct authority {
    enum kind_type : std::uint8_t { name, ipv4, ipv6 } kind = name;
    std::string_view host{};              // as given; an IPv6 address without its brackets
    std::optional<std::uint16_t> port{};  // absent when not given, or given as an empty text
};

// Nothing when it is malformed.
std::optional<authority> parse_authority(std::string_view text) noexcept;

}  // namespace fusebox::http
