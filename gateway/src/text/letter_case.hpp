// ASCII letters without regard to case, as HTTP compares field names, hosts and tokens.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace fusebox::gateway {

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

inline std::string lower(std::string_view text) {
    std::string low(text);
    std::ranges::transform(low, low.begin(), [](char c) { return lower(c); });
    return low;
}

constexpr bool same_letters(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace fusebox::gateway
