#include "config/document.hpp"
#include "config/notation.hpp"

#include <fusebox/http/path.hpp>

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

std::unexpected<std::string> wrong_address(std::string_view text, const std::string& why) {
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

// http://orders.local:80/path, of which "orders.local:80" is meant.
std::unexpected<std::string> no_url(std::string_view text) {
    const bool tls = text.starts_with("https:");
    std::string_view rest = text.substr(text.find("://") + 3);
    rest = rest.substr(0, rest.find_first_of("/?#"));
    rest = rest.substr(rest.find_last_of('@') + 1);
    const auto colon = rest.rfind(':');
    const bool has_port = colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos;
    const std::string meant = std::string{rest} + (has_port ? "" : tls ? ":443" : ":80");
    return wrong_address(text, "is a URL; write host and port alone: " +
                                   in_quotes(rest.empty() ? std::string{"orders.local:80"} : meant) +
                                   (tls ? ", where TLS is not spoken" : ""));
}

}  // namespace

// A name cannot end in a number, so what does is meant as an address (as the URL standard of browsers has it).
bool is_old_notation(std::string_view host) {
    if (host.starts_with('[')) return false;
    host = host.substr(0, host.find(':'));
    if (host.ends_with('.')) host.remove_suffix(1);
    const auto dot = host.rfind('.');
    std::string_view last = host.substr(dot == std::string_view::npos ? 0 : dot + 1);
    const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
    const auto is_hex = [](unsigned char c) { return std::isxdigit(c) != 0; };
    const bool hex = last.starts_with("0x") || last.starts_with("0X");
    if (hex) last.remove_prefix(2);
    const bool number = hex ? std::ranges::all_of(last, is_hex) : !last.empty() && std::ranges::all_of(last, is_digit);
    return number && !parse_ip(host);
}

reading<socket_address> read_address(std::string_view text) {
    constexpr std::string_view how = "; write HOST:PORT, such as 127.0.0.1:80, orders.local:80 or [::1]:80";
    if (text.find("://") != std::string_view::npos) return no_url(text);
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || text.ends_with(']'))
        return wrong_address(text, "has no port" + std::string{how});
    std::string host{text.substr(0, colon)};
    const auto port = read_integer(text.substr(colon + 1));
    if (!port || *port > 65535) return wrong_address(text, "must have a port between 0 and 65535" + std::string{how});
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        if (!is_v6(host)) return wrong_address(text, "has no IPv6 address between its brackets" + std::string{how});
    } else if (is_v6(host) || host.find(':') != std::string::npos) {
        return wrong_address(text, "has an IPv6 address without brackets" + std::string{how});
    } else if (!is_host_name(host)) {
        return wrong_address(text, "has no valid host" + std::string{how});
    } else if (is_old_notation(host)) {
        return wrong_address(
            text,
            "has an address that is read in different ways; write the four numbers of IPv4 in decimal, "
            "without leading zeros, such as 127.0.0.8");
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
    if (!ip) return wrong_address(text, "has no IP address; " + std::string{how});
    const unsigned bits = text.find(':') != std::string_view::npos ? 128 : 32;
    unsigned prefix = bits;
    if (slash != std::string_view::npos) {
        const auto written = read_integer(text.substr(slash + 1));
        if (!written || *written > bits)
            return wrong_address(text,
                                 "must have a prefix between 0 and " + std::to_string(bits) + "; " + std::string{how});
        prefix = static_cast<unsigned>(*written);
    }
    const address_range range{*ip, static_cast<std::uint8_t>(prefix + (128 - bits))};
    address_range::bytes masked = range.base;
    for (unsigned bit = range.prefix; bit < 128; ++bit)
        masked[bit / 8] = static_cast<std::uint8_t>(masked[bit / 8] & ~(0x80u >> (bit % 8)));
    if (masked != range.base) {
        const address_range meant{masked, range.prefix};
        return wrong_address(text, "has bits set behind its prefix; write " + write_range(meant));
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

reading<std::string> read_path_pattern(std::string_view text) {
    if (!text.starts_with('/') || text.find_first_of(" ?#") != std::string_view::npos)
        return wrong_address(text, "must begin with / and have no space, ? or #");
    std::string normal(text.size() + 1, '\0');
    const auto path = http::normalise_path(text, normal);
    if (!path) return wrong_address(text, "matches no request: " + std::string{sentence(path.error())});
    for (std::string_view rest = *path; rest.starts_with('/');) {
        rest.remove_prefix(1);
        const std::string_view segment = rest.substr(0, rest.find('/'));
        rest.remove_prefix(segment.size());
        if (segment.ends_with('*') || segment.starts_with('*'))
            return wrong_address(text,
                                 "has a *, which stands for itself in a path; write path_prefix: /api for /api and all "
                                 "below it");
    }
    return std::string{*path};
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
    if (!text.starts_with(prefix)) return wrong_address(text, "must be " + words + " or header:NAME");
    const auto name = text.substr(prefix.size());
    if (!is_token(name)) return wrong_address(text, "names no header; write header:NAME, such as header:X-Tenant");
    return std::string{name};
}

}  // namespace

reading<request_key> read_request_key(std::string_view text) {
    if (text == "client_ip") return request_key{};
    if (constexpr std::string_view prefixed = "client_ip/"; text.starts_with(prefixed)) {
        const auto bits = read_integer(text.substr(prefixed.size()));
        if (!bits || *bits < 1 || *bits > 128)
            return wrong_address(text, "must have a prefix of IPv6 between 1 and 128, such as client_ip/64");
        return request_key{.v6_prefix = static_cast<std::uint8_t>(*bits)};
    }
    if (text == "path") return request_key{request_key::source::path};
    auto name = header_of(text, "client_ip, path");
    if (!name) return std::unexpected{std::move(name).error()};
    return request_key{request_key::source::header, std::move(*name)};
}

std::string write_request_key(const request_key& key) {
    if (key.from == request_key::source::client_ip)
        return key.v6_prefix == request_key{}.v6_prefix ? "client_ip" : "client_ip/" + std::to_string(key.v6_prefix);
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
