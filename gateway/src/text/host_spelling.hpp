// The one spelling of a host that is an IPv6 address: there are many of the same value, [::1] and [0:0:0:0:0:0:0:1].
// Private.
#pragma once

#include <fusebox/gateway/address_range.hpp>

#include <arpa/inet.h>

#include <array>
#include <string_view>

namespace fusebox::gateway {

using host_room = std::array<char, INET6_ADDRSTRLEN>;

// Without brackets, and in the form of RFC 5952; another host as it is. Valid while both arguments are.
inline std::string_view one_spelling(std::string_view host, host_room& room) noexcept {
    if (host.find(':') == std::string_view::npos) return host;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto address = parse_ip(host);
    if (!address || inet_ntop(AF_INET6, address->data(), room.data(), INET6_ADDRSTRLEN) == nullptr) return host;
    return room.data();
}

}  // namespace fusebox::gateway
