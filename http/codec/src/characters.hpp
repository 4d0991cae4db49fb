// Classes of bytes, and how far a run of a class reaches. Each run is found without looking past `end`.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace fusebox::http::detail {

enum char_class : std::uint8_t {
    token_char = 1,  // of a name, a method, a coding (RFC 9110, section 5.6.2)
    text_char = 2,   // of a field value: visible, obs-text, space, tab (5.5)
    path_char = 4,   // pchar and slash (RFC 3986, section 3.3), and [ ] ^ | that browsers do not escape
    query_char = 8,  // those, the question mark, and { } ` \ likewise
    host_char = 16,  // of a name or IPv4 address
};

consteval std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> classes{};
    const auto mark = [&](std::string_view characters, int with) {
        for (const char c : characters) classes[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(with);
    };
    constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    mark(letters_and_digits, token_char | path_char | query_char | host_char);
    mark("!#$%&'*+-.^_`|~", token_char);
    mark("-._~", path_char | query_char | host_char);
    mark("!$&'()*+,;=:@%/[]^|", path_char | query_char);
    mark("?{}`\\", query_char);
    for (unsigned c = 0x20; c < 256; ++c) {
        if (c != 0x7f) classes[c] |= text_char;
    }
    classes['\t'] |= text_char;
    return classes;
}
inline constexpr std::array<std::uint8_t, 256> char_classes = make_classes();

constexpr bool is(char_class which, char c) noexcept {
    return (char_classes[static_cast<unsigned char>(c)] & which) != 0;
}
constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}
constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) noexcept {
    if (is_digit(c)) return c - '0';
    const int letter = c | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

inline std::size_t skip(char_class which, const char* text, std::size_t i, std::size_t end) noexcept {
    while (i < end && is(which, text[i])) ++i;
    return i;
}

inline std::size_t skip_blanks(const char* text, std::size_t i, std::size_t end) noexcept {
    while (i < end && is_blank(text[i])) ++i;
    return i;
}

// skip(token_char, …), sixteen bytes at a time while they are letters, digits and hyphens, as names mostly are.
inline std::size_t skip_token(const char* text, std::size_t i, std::size_t end) noexcept {
#if defined(__SSE2__)
    const auto is_within = [](__m128i bytes, char first, char last) {
        const __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
        return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(static_cast<char>(last - first))), above);
    };
    for (; end - i >= 16; i += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
        const __m128i letters = is_within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
        const __m128i others = _mm_or_si128(is_within(bytes, '0', '9'), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
        const auto found = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(letters, others))) ^ 0xffffU;
        if (found != 0) {
            i += static_cast<std::size_t>(std::countr_zero(found));
            break;
        }
    }
#endif
    return skip(token_char, text, i, end);
}

// skip(text_char, …), sixteen bytes at a time.
inline std::size_t skip_text(const char* text, std::size_t i, std::size_t end) noexcept {
#if defined(__SSE2__)
    const __m128i last_control = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), rubout = _mm_set1_epi8(0x7f);
    for (; end - i >= 16; i += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
        const __m128i refused =
            _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control), _mm_cmpeq_epi8(bytes, rubout));
        if (const auto found = static_cast<unsigned>(_mm_movemask_epi8(refused)); found != 0) {
            return i + static_cast<std::size_t>(std::countr_zero(found));
        }
    }
#endif
    return skip(text_char, text, i, end);
}

// Takes the elements of a comma-separated list one by one, without the blanks around them. Empty elements count
// as none (RFC 9110, section 5.6.1).
class list_elements {
public:
    explicit list_elements(std::string_view list) noexcept : rest_(list) {}

    // False when there are no more.
    bool next(std::string_view& element) noexcept {
        while (!rest_.empty()) {
            const std::size_t comma = std::min(rest_.find(','), rest_.size());
            element = trimmed(rest_.substr(0, comma));
            rest_.remove_prefix(std::min(comma + 1, rest_.size()));
            if (!element.empty()) return true;
        }
        return false;
    }

private:
    static std::string_view trimmed(std::string_view text) noexcept {
        while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
        while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
        return text;
    }
    std::string_view rest_;
};

}  // namespace fusebox::http::detail
