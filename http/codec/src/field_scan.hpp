// The lines of a field section, one after the other, as far as they have come.
//
// The scan stops wherever the bytes end and goes on there: `phase_` says in which part of a line, `looked_` at
// which byte. So no byte is looked at twice, and the pieces in which they come make no difference. What a Rules
// adds: text_type, how the buffer is given; mends, whether a proxy's repairs of a response are made in it; and
// take(field), which reads a complete field and may refuse it.
#pragma once

#include "characters.hpp"

#include <fusebox/http/field_section.hpp>

#include <algorithm>

namespace fusebox::http {

namespace detail {

// What lies where text has ended.
struct line_end {
    std::size_t size = 0;  // of the line end; 0 when it is not complete yet
    parse_errc error = parse_errc::none;
};

inline line_end line_end_at(const char* text, std::size_t i, std::size_t end, bool bare_lf) noexcept {
    if (text[i] == '\r') {
        if (i + 1 == end) return {};
        if (text[i + 1] == '\n') return {2};
        return {0, parse_errc::bare_cr};
    }
    if (text[i] != '\n') return {0, parse_errc::control_character};
    if (bare_lf) return {1};
    return {0, parse_errc::bare_lf};
}

// Why a name may not be followed by this.
inline parse_errc no_colon(char c, bool name_is_empty) noexcept {
    if (name_is_empty && c == ':') return parse_errc::field_name_empty;
    if (is_blank(c)) return parse_errc::space_before_colon;
    if (c == '\r' || c == '\n') return parse_errc::colon_missing;
    return parse_errc::field_name_invalid;
}

}  // namespace detail

template <class Rules>
parse_status field_section::scan_fields(typename Rules::text_type received, const head_limits& limits,
                                        Rules& rules) noexcept {
    auto* const bytes = received.data();
    const std::size_t end = std::min<std::size_t>(received.size(), limits.bytes);
    std::size_t i = looked_;
    phase now = phase_;
    const auto pause = [&] {
        phase_ = now;
        return need_more(i, end, limits);
    };
    for (;;) {
        switch (now) {
            default:
                if (i == end) return pause();
                if (bytes[i] == '\r' || bytes[i] == '\n') return take_empty_line(i, end, limits);
                if (detail::is_blank(bytes[i])) {
                    return refuse(count_ == 0 ? parse_errc::space_before_first_field : parse_errc::folded_line, i);
                }
                if (count_ == limits.fields) return refuse(parse_errc::too_many_fields, i);
                at_ = static_cast<std::uint32_t>(i);
                now = phase::name;
                [[fallthrough]];
            case phase::name:
                i = detail::skip_token(bytes, i, end);
                if (i == end) return pause();
                name_size_ = static_cast<std::uint16_t>(i - at_);
                if (bytes[i] != ':' || i == at_) {
                    if (!Rules::mends || !detail::is_blank(bytes[i])) {
                        return refuse(detail::no_colon(bytes[i], i == at_), i);
                    }
                    now = phase::before_colon;
                    continue;
                }
                ++i;
                now = phase::before_value;
                [[fallthrough]];
            case phase::before_value:
                i = detail::skip_blanks(bytes, i, end);
                if (i == end) return pause();
                value_at_ = static_cast<std::uint16_t>(i);
                now = phase::value;
                [[fallthrough]];
            case phase::value: {
                i = detail::skip_text(bytes, i, end);
                if (i == end) return pause();
                const detail::line_end found = detail::line_end_at(bytes, i, end, limits.bare_lf);
                if (found.error != parse_errc::none) return refuse(found.error, i);
                const std::size_t next = i + found.size;
                if (found.size == 0 || (Rules::mends && next == end)) return pause();
                if constexpr (Rules::mends) {
                    if (detail::is_blank(bytes[next])) {
                        std::fill(bytes + i, bytes + next, ' ');
                        i = next;
                        now = phase::fold;
                        continue;
                    }
                }
                if (found.size == 1) has_bare_lf_ = true;
                const parse_errc refused = rules.take(append_field(i));
                if (refused != parse_errc::none) return refuse(refused, value_at_);
                i = next;
                now = phase::field_start;
                continue;
            }
            case phase::before_colon:
                if constexpr (Rules::mends) {
                    i = detail::skip_blanks(bytes, i, end);
                    if (i == end) return pause();
                    if (bytes[i] != ':') return refuse(parse_errc::colon_missing, i);
                    bytes[i++] = ' ';
                    bytes[at_ + name_size_] = ':';
                    now = phase::before_value;
                }
                continue;
            case phase::fold:
                if constexpr (Rules::mends) {
                    for (; i < end && detail::is_blank(bytes[i]); ++i) bytes[i] = ' ';
                    if (i == end) return pause();
                    // Nothing but the fold so far: the value begins behind it.
                    if (bytes[value_at_] == ' ') value_at_ = static_cast<std::uint16_t>(i);
                    now = phase::value;
                }
                continue;
        }
    }
}

}  // namespace fusebox::http
