// Ranges of IP addresses: whom to believe, whom to let in.
//
// Thread-safety: values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::gateway {

// A range of addresses. IPv4 is held as the IPv6 addresses ::ffff:0:0/96.
struct address_range {
    using bytes = std::array<std::uint8_t, 16>;
    bytes base{};
    std::uint8_t prefix = 128;  // leading bits that count, 0 to 128

    bool contains(const bytes& address) const noexcept;
    friend bool operator==(const address_range&, const address_range&) = default;
};

// "10.0.0.1" or "2001:db8::1", without port, brackets or zone; nothing when it is neither. An IPv4 address and the
// same one written as IPv6 (::ffff:10.0.0.1) are equal.
std::optional<address_range::bytes> parse_ip(std::string_view text) noexcept;

}  // namespace fusebox::gateway
