#include "text/request_path.hpp"

#include "text/letter_case.hpp"

#include <fusebox/http/field_section.hpp>
#include <fusebox/http/path.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace fusebox::gateway {

namespace {

bool has_escape(std::string_view path, std::initializer_list<std::string_view> of) noexcept {
    for (std::size_t at = path.find('%'); at != path.npos; at = path.find('%', at + 1))
        if (std::ranges::any_of(of, [&](std::string_view hex) { return same_letters(path.substr(at + 1, 2), hex); }))
            return true;
    return false;
}

}  // namespace

std::expected<std::string_view, std::string_view> request_path(std::string_view path, const path_rules& rules,
                                                               std::span<char> buffer) noexcept {
    if (rules.refuse_encoded && has_escape(path, {"2F", "5C", "2E"}))
        return std::unexpected{std::string_view{"An escaped slash, backslash or dot is not taken in a path here."}};
    if (rules.refuse_parameters && (path.find(';') != path.npos || has_escape(path, {"3B"})))
        return std::unexpected{std::string_view{"A parameter (;) is not taken in a path here."}};
    // Before dots are resolved: /a//../b is /b to a server that merges.
    std::array<char, http::head_limits::most_bytes> merged;
    if (rules.merge_slashes && path.find("//") != path.npos && path.size() <= merged.size()) {
        const auto both = [](char a, char b) { return a == '/' && b == '/'; };
        const auto end = std::unique_copy(path.begin(), path.end(), merged.begin(), both);
        const std::string_view one{merged.data(), static_cast<std::size_t>(end - merged.begin())};
        const auto normal = http::normalise_path(one, buffer);
        if (!normal) return std::unexpected{sentence(normal.error())};
        if (normal->data() != one.data()) return *normal;
        return std::string_view{buffer.data(), std::ranges::copy(one, buffer.data()).out};
    }
    const auto normal = http::normalise_path(path, buffer);
    if (!normal) return std::unexpected{sentence(normal.error())};
    return *normal;
}

}  // namespace fusebox::gateway
