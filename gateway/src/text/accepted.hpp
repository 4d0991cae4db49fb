// How much a media type is wanted by an Accept field (RFC 9110, section 12.5.1).
#pragma once

#include <string_view>

#include "text/letter_case.hpp"
#include "text/list_value.hpp"

namespace fusebox::gateway {

// "0.25" in thousandths; 1000 for what is no number, as if nothing had been said.
constexpr int quality(std::string_view text) noexcept {
    if (text.empty() || (text.front() != '0' && text.front() != '1')) return 1000;
    int thousandths = (text.front() - '0') * 1000, worth = 100;
    if (text.size() > 1 && text[1] != '.') return 1000;
    for (std::size_t i = 2; i < text.size() && worth > 0; ++i, worth /= 10) {
        if (text[i] < '0' || text[i] > '9') return 1000;
        thousandths += (text[i] - '0') * worth;
    }
    return thousandths > 1000 ? 1000 : thousandths;
}

// The quality of type/subtype, by the most specific range that covers it; 0 when none does.
constexpr int accepted(std::string_view accept, std::string_view type, std::string_view subtype) noexcept {
    int best = 0, closeness = -1;
    list_value ranges(accept);
    while (auto range = ranges.next()) {
        const std::size_t semicolon = range->find(';');
        const std::string_view media = trimmed(range->substr(0, semicolon));
        const std::size_t slash = media.find('/');
        if (slash == std::string_view::npos) continue;
        const std::string_view major = media.substr(0, slash), minor = media.substr(slash + 1);
        int close = -1;
        if (major == "*" && minor == "*") close = 0;
        else if (same_letters(major, type) && minor == "*") close = 1;
        else if (same_letters(major, type) && same_letters(minor, subtype)) close = 2;
        if (close <= closeness) continue;
        closeness = close;
        best = 1000;
        std::string_view parameters = semicolon == std::string_view::npos ? "" : range->substr(semicolon + 1);
        while (!parameters.empty()) {
            const std::size_t end = parameters.find(';');
            const std::string_view one = trimmed(parameters.substr(0, end));
            if (one.size() > 2 && lower(one[0]) == 'q' && one[1] == '=') best = quality(one.substr(2));
            parameters = end == std::string_view::npos ? "" : parameters.substr(end + 1);
        }
    }
    return best;
}

}  // namespace fusebox::gateway
