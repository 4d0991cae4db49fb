#include <fusebox/http/authority.hpp>

#include "characters.hpp"

#include <algorithm>

namespace fusebox::http {

namespace {

bool is_ipv4(std::string_view text) noexcept {
    unsigned parts = 0;
    while (true) {
        const std::size_t dot = std::min(text.find('.'), text.size());
        const std::string_view part = text.substr(0, dot);
        if (part.empty() || part.size() > 3 || !std::ranges::all_of(part, detail::is_digit)) return false;
        if (part.size() > 1 && part[0] == '0') return false;  // octal to some, decimal to others
        if (part.size() == 3 && part > "255") return false;
        ++parts;
        if (dot == text.size()) return parts == 4;
        text.remove_prefix(dot + 1);
    }
}

// How many 16-bit groups a list of them has; an IPv4 address may stand for its last two. Nothing if it is malformed.
std::optional<unsigned> ipv6_groups(std::string_view list, bool may_end_in_ipv4) noexcept {
    if (list.empty()) return 0;
    const auto is_hex = [](char c) { return detail::hex_value(c) >= 0; };
    for (unsigned groups = 1;; ++groups) {
        const std::size_t colon = std::min(list.find(':'), list.size());
        const std::string_view group = list.substr(0, colon);
        const bool is_last = colon == list.size();
        if (is_last && may_end_in_ipv4 && is_ipv4(group)) return groups + 1;
        if (group.empty() || group.size() > 4 || !std::ranges::all_of(group, is_hex)) return std::nullopt;
        if (is_last) return groups;
        list.remove_prefix(colon + 1);
    }
}

// Eight groups, or fewer and one `::` in the place of those that are zero.
bool is_ipv6(std::string_view text) noexcept {
    constexpr unsigned all = 8;
    const std::size_t gap = text.find("::");
    if (gap == text.npos) return ipv6_groups(text, true) == all;
    const auto left = ipv6_groups(text.substr(0, gap), false), right = ipv6_groups(text.substr(gap + 2), true);
    return left && right && *left + *right < all;
}

}  // namespace

std::optional<authority> parse_authority(std::string_view text) noexcept {
    authority found;
    std::size_t host_end = 0;
    if (text.starts_with('[')) {
        const std::size_t bracket = std::min(text.find(']'), text.size());
        found.kind = authority::ipv6;
        found.host = text.substr(1, bracket - 1);
        if (bracket == text.size() || !is_ipv6(found.host)) return std::nullopt;
        host_end = bracket + 1;
    } else {
        host_end = detail::skip(detail::host_char, text.data(), 0, text.size());
        if (host_end == 0) return std::nullopt;
        found.host = text.substr(0, host_end);
        found.kind = detail::is_digit(found.host.back()) && is_ipv4(found.host) ? authority::ipv4 : authority::name;
    }
    std::string_view port = text.substr(host_end);
    if (port.empty()) return found;
    if (port[0] != ':') return std::nullopt;
    port.remove_prefix(1);
    constexpr std::size_t most_digits = 5;
    if (port.size() > most_digits || !std::ranges::all_of(port, detail::is_digit)) return std::nullopt;
    unsigned number = 0;
    for (const char c : port) number = number * 10 + static_cast<unsigned>(c - '0');
    if (number > 65535) return std::nullopt;
    if (!port.empty()) found.port = static_cast<std::uint16_t>(number);
    return found;
}

}  // namespace fusebox::http
