#include "config/document.hpp"
#include "config/notation.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

namespace fusebox::gateway {

bool admin_configuration::asks_for_token() const noexcept {
    return !config::is_loopback(listen);
}

namespace config {

namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::unexpected<std::string> wrong(std::string_view text, const std::string& why) {
    return std::unexpected{in_quotes(text) + " " + why};
}

bool is_host_name(std::string_view host) {
    return host.size() <= 253 && std::all_of(host.begin(), host.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
           });
}

bool is_v6(std::string_view host) {
    return host.find(':') != std::string_view::npos && parse_ip(host);
}

}  // namespace

reading<socket_address> read_address(std::string_view text) {
    constexpr std::string_view how = "; write HOST:PORT, such as 127.0.0.1:80, orders.local:80 or [::1]:80";
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || text.ends_with(']')) return wrong(text, "has no port" + std::string{how});
    std::string host{text.substr(0, colon)};
    const auto port = read_integer(text.substr(colon + 1));
    if (!port || *port > 65535) return wrong(text, "must have a port between 0 and 65535" + std::string{how});
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        if (!is_v6(host)) return wrong(text, "has no IPv6 address between its brackets" + std::string{how});
    } else if (is_v6(host) || host.find(':') != std::string::npos) {
        return wrong(text, "has an IPv6 address without brackets" + std::string{how});
    } else if (!is_host_name(host)) {
        return wrong(text, "has no valid host" + std::string{how});
    }
    return socket_address{std::move(host), static_cast<std::uint16_t>(*port)};
}

std::string write_address(const socket_address& address) {
    const bool brackets = address.host.find(':') != std::string::npos;
    return (brackets ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool is_loopback(const socket_address& address) {
    if (address.host == "localhost") return true;
    const auto ip = parse_ip(address.host);
    if (!ip) return false;
    if (std::equal(v4_prefix.begin(), v4_prefix.end(), ip->begin())) return (*ip)[12] == 127;
    return std::all_of(ip->begin(), ip->end() - 1, [](auto b) { return b == 0; }) && ip->back() == 1;
}

reading<address_range> read_range(std::string_view text) {
    constexpr std::string_view how = "write a range such as 10.0.0.0/8 or fd00::/8, or one address";
    const auto slash = text.find('/');
    const auto ip = parse_ip(text.substr(0, slash));
    if (!ip) return wrong(text, "has no IP address; " + std::string{how});
    const unsigned bits = text.find(':') != std::string_view::npos ? 128 : 32;
    unsigned prefix = bits;
    if (slash != std::string_view::npos) {
        const auto written = read_integer(text.substr(slash + 1));
        if (!written || *written > bits)
            return wrong(text, "must have a prefix between 0 and " + std::to_string(bits) + "; " + std::string{how});
        prefix = static_cast<unsigned>(*written);
    }
    const address_range range{*ip, static_cast<std::uint8_t>(prefix + (128 - bits))};
    address_range::bytes masked = range.base;
    for (unsigned bit = range.prefix; bit < 128; ++bit)
        masked[bit / 8] = static_cast<std::uint8_t>(masked[bit / 8] & ~(0x80u >> (bit % 8)));
    if (masked != range.base) {
        const address_range meant{masked, range.prefix};
        return wrong(text, "has bits set behind its prefix; write " + write_range(meant));
    }
    return range;
}

std::string write_range(const address_range& range) {
    char text[INET6_ADDRSTRLEN];
    const bool v4 = range.prefix >= 96 && std::equal(v4_prefix.begin(), v4_prefix.end(), range.base.begin());
    if (v4) inet_ntop(AF_INET, range.base.data() + v4_prefix.size(), text, sizeof text);
    else inet_ntop(AF_INET6, range.base.data(), text, sizeof text);
    return std::string{text} + "/" + std::to_string(v4 ? range.prefix - 96 : range.prefix);
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || std::string_view{"!#$%&'*+-.^_`|~"}.find(char(c)) != std::string_view::npos;
    });
}

namespace {

// NAME of "header:NAME".
reading<std::string> header_of(std::string_view text, const std::string& words) {
    constexpr std::string_view prefix = "header:";
    if (!text.starts_with(prefix)) return wrong(text, "must be " + words + " or header:NAME");
    const auto name = text.substr(prefix.size());
    if (!is_token(name)) return wrong(text, "names no header; write header:NAME, such as header:X-Tenant");
    return std::string{name};
}

}  // namespace

reading<request_key> read_request_key(std::string_view text) {
    if (text == "client_ip") return request_key{};
    if (text == "path") return request_key{request_key::source::path};
    auto name = header_of(text, "client_ip, path");
    if (!name) return std::unexpected{std::move(name).error()};
    return request_key{request_key::source::header, std::move(*name)};
}

std::string write_request_key(const request_key& key) {
    if (key.from == request_key::source::client_ip) return "client_ip";
    return key.from == request_key::source::path ? "path" : "header:" + key.header;
}

reading<breaker_scope> read_scope(std::string_view text) {
    if (text == "route") return breaker_scope{breaker_scope::kind::route};
    if (text == "upstream") return breaker_scope{breaker_scope::kind::upstream};
    if (text == "endpoint") return breaker_scope{breaker_scope::kind::endpoint};
    auto name = header_of(text, "route, upstream, endpoint");
    if (!name) return std::unexpected{std::move(name).error()};
    return breaker_scope{breaker_scope::kind::header, std::move(*name)};
}

std::string write_scope(const breaker_scope& scope) {
    switch (scope.per) {
        case breaker_scope::kind::route: return "route";
        case breaker_scope::kind::upstream: return "upstream";
        case breaker_scope::kind::endpoint: return "endpoint";
        case breaker_scope::kind::header: break;
    }
    return "header:" + scope.header;
}

}  // namespace config

}  // namespace fusebox::gateway
