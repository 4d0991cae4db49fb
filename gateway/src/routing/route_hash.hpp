// The hashes by which the router finds hosts and paths. That of a path is made segment by segment, so that one walk
// along a path gives the hashes of all its prefixes. Equal hashes are told apart by comparing the texts.
#pragma once

#include "routing/router.hpp"
#include "text/stable_hash.hpp"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace fusebox::gateway::route_hash {

constexpr std::uint64_t factor = 0x9e3779b97f4a7c15u;

inline std::uint64_t blend(std::uint64_t h, std::uint64_t eight) noexcept {
    h = (h ^ eight) * factor;
    return h ^ (h >> 29);
}

// Eight letters at a time; `fold` makes upper and lower case the same.
inline std::uint64_t of_text(std::uint64_t h, std::string_view text, std::uint64_t fold = 0) noexcept {
    h = blend(h, text.size());
    while (text.size() >= 8) {
        std::uint64_t eight;
        std::memcpy(&eight, text.data(), 8);
        h = blend(h, eight | fold);
        text.remove_prefix(8);
    }
    std::uint64_t rest = 0;
    for (const char c : text) rest = rest << 8 | static_cast<unsigned char>(c);
    return blend(h, rest | fold);
}

inline std::uint64_t of_host(std::string_view host) noexcept {
    return mix(of_text(1, host, 0x2020202020202020u));
}

inline std::uint64_t seed(std::uint32_t host, path_match kind) noexcept {
    return mix(2 * std::uint64_t{host} + (kind == path_match::exact) + 1);
}
inline std::uint64_t with_segment(std::uint64_t h, std::string_view segment) noexcept {
    return of_text(h, segment);
}
inline std::uint64_t with_slash(std::uint64_t h) noexcept {
    return blend(h, factor);
}

// Of a whole path or prefix, which begins with a slash.
inline std::uint64_t of_path(std::uint32_t host, path_match kind, std::string_view path) noexcept {
    std::uint64_t h = seed(host, kind);
    if (kind == path_match::exact) return of_text(h, path);
    for (std::size_t begin = 1; begin < path.size();) {
        const std::size_t slash = path.find('/', begin);
        h = with_segment(h, path.substr(begin, slash - begin));
        if (slash == std::string_view::npos) return h;
        begin = slash + 1;
    }
    return with_slash(h);
}

}  // namespace fusebox::gateway::route_hash
