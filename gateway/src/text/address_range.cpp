#include <fusebox/gateway/address_range.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>

namespace fusebox::gateway {

bool address_range::contains(const bytes& address) const noexcept {
    const std::size_t whole = prefix / 8u;
    if (!std::equal(base.begin(), base.begin() + std::ptrdiff_t(whole), address.begin())) return false;
    const unsigned rest = prefix % 8u;
    return rest == 0 || (unsigned(base[whole] ^ address[whole]) >> (8u - rest)) == 0;
}

std::optional<address_range::bytes> parse_ip(std::string_view text) noexcept {
    char terminated[INET6_ADDRSTRLEN];
    if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) return std::nullopt;
    *std::ranges::copy(text, terminated).out = '\0';
    address_range::bytes out{};
    if (inet_pton(AF_INET6, terminated, out.data()) == 1) return out;
    out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET, terminated, out.data() + 12) == 1) return out;
    return std::nullopt;
}

}  // namespace fusebox::gateway
