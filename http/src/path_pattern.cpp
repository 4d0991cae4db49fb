#include "path_pattern.hpp"

#include <charconv>

namespace fusebox::http {

namespace {

// Takes the first segment away, and the slash before it.
std::string_view take_segment(std::string_view& path) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

bool is_parameter(std::string_view segment) {
    return segment.starts_with('{') && segment.ends_with('}');
}

}  // namespace

std::string percent_decoded(std::string_view text, bool plus_is_blank) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        const char* const digits = text.data() + i + 1;
        const bool escape =
            text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
        if (escape) decoded += static_cast<char>(byte), i += 2;
        else decoded += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
    return decoded;
}

path_pattern::path_pattern(std::string_view text) {
    while (!text.empty()) segments_.emplace_back(take_segment(text));
}

std::optional<std::vector<field>> path_pattern::match(std::string_view path) const {
    std::vector<field> parameters;
    for (const std::string& expected : segments_) {
        if (path.empty()) return std::nullopt;
        const std::string_view segment = take_segment(path);
        if (is_parameter(expected) && !segment.empty())
            parameters.push_back({expected.substr(1, expected.size() - 2), percent_decoded(segment)});
        else if (segment != expected) return std::nullopt;
    }
    if (!path.empty()) return std::nullopt;
    return parameters;
}

}  // namespace fusebox::http
