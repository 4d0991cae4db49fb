// The members of a list-valued field (RFC 9110, section 5.6.1), one after the other. Commas in quoted strings and in
// comments do not separate.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace fusebox::gateway {

constexpr std::string_view trimmed(std::string_view text) noexcept {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

class list_value {
public:
    explicit constexpr list_value(std::string_view line) noexcept : rest_(line) {}

    // The next member that is not empty.
    constexpr std::optional<std::string_view> next() noexcept {
        while (!rest_.empty()) {
            const std::size_t end = end_of_member();
            const std::string_view member = trimmed(rest_.substr(0, end));
            rest_.remove_prefix(end == rest_.size() ? end : end + 1);
            if (!member.empty()) return member;
        }
        return std::nullopt;
    }

private:
    constexpr std::size_t end_of_member() const noexcept {
        bool quoted = false;
        int comments = 0;
        for (std::size_t i = 0; i < rest_.size(); ++i) {
            const char c = rest_[i];
            if (c == '\\' && (quoted || comments > 0)) ++i;
            else if (c == '"' && comments == 0) quoted = !quoted;
            else if (quoted) continue;
            else if (c == '(') ++comments;
            else if (c == ')' && comments > 0) --comments;
            else if (c == ',' && comments == 0) return i;
        }
        return rest_.size();
    }

    std::string_view rest_;
};

}  // namespace fusebox::gateway
