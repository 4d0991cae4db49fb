#include <fusebox/http/body_reader.hpp>

#include "characters.hpp"

#include <algorithm>

namespace fusebox::http {

body_reader::body_reader(framing how) noexcept : left_(how.bytes) {
    switch (how.kind) {
        case framing::none: state_ = state::ended; break;
        case framing::length: state_ = how.bytes == 0 ? state::ended : state::counted; break;
        case framing::chunked: state_ = state::size_first; break;
        case framing::until_close: state_ = state::until_close; break;
    }
}

bool body_reader::whole_at_close() const noexcept {
    return state_ == state::ended || state_ == state::until_close;
}

body_reader::step body_reader::next(std::string_view received) noexcept {
    switch (state_) {
        case state::ended: return {step::end};
        case state::trailers: return {step::trailers};
        case state::refused: return {step::refused};
        case state::until_close: return {received.empty() ? step::incomplete : step::data, received.size(), received};
        case state::counted: return next_counted(received);
        default: return next_chunked(received);
    }
}

body_reader::step body_reader::next_counted(std::string_view received) noexcept {
    if (received.empty()) return {step::incomplete};
    const std::size_t size = std::min<std::uint64_t>(left_, received.size());
    left_ -= size;
    if (left_ == 0) state_ = state::ended;
    return {step::data, size, received.substr(0, size)};
}

body_reader::step body_reader::refuse(parse_errc why) noexcept {
    error_ = why;
    state_ = state::refused;
    return {step::refused};
}

body_reader::step body_reader::next_chunked(std::string_view received) noexcept {
    for (std::size_t i = 0; i < received.size(); ++i) {
        const char c = received[i];
        switch (state_) {
            case state::data: {
                const std::size_t size = std::min<std::uint64_t>(left_, received.size() - i);
                left_ -= size;
                if (left_ == 0) state_ = state::data_cr;
                return {step::data, i + size, received.substr(i, size)};
            }
            case state::data_cr:
                if (c != '\r') return refuse(parse_errc::chunk_data_unterminated);
                state_ = state::data_lf;
                break;
            case state::data_lf:
                if (c != '\n') return refuse(parse_errc::chunk_data_unterminated);
                state_ = state::size_first;
                break;
            case state::trailer_first:
                if (c != '\r') {
                    state_ = state::trailers;
                    return {step::trailers, i};
                }
                state_ = state::end_lf;
                break;
            case state::end_lf:
                if (c != '\n') return refuse(parse_errc::bare_cr);
                state_ = state::ended;
                return {step::end, i + 1};
            default:
                if (const parse_errc refused = take_size_line(c); refused != parse_errc::none) return refuse(refused);
        }
    }
    return {step::incomplete, received.size()};
}

parse_errc body_reader::take_size_line(char c) noexcept {
    switch (state_) {
        case state::size_first:
            left_ = 0;
            digits_ = 0;
            extension_bytes_ = 0;
            [[fallthrough]];
        case state::size:
            if (const int digit = detail::hex_value(c); digit >= 0) {
                if (++digits_ > most_size_digits) return parse_errc::chunk_size_too_long;
                left_ = left_ << 4 | static_cast<unsigned>(digit);
                state_ = state::size;
                return parse_errc::none;
            }
            if (digits_ == 0) return parse_errc::chunk_size_malformed;
            if (c == '\r') {
                state_ = state::size_lf;
            } else if (c == ';') {
                state_ = state::extension_name_gap;
            } else if (detail::is_blank(c)) {
                state_ = state::extension_gap;
            } else {
                return parse_errc::chunk_size_malformed;
            }
            return parse_errc::none;
        case state::size_lf:
            if (c != '\n') return parse_errc::bare_cr;
            state_ = left_ == 0 ? state::trailer_first : state::data;
            return weigh_chunk();
        default: return take_extension(c);
    }
}

// What a chunk has too much of framing for its data is kept in mind; what it has too little is forgiven to others.
parse_errc body_reader::weigh_chunk() noexcept {
    constexpr std::uint32_t line_ends = 4;
    const std::uint32_t framing = std::uint32_t{digits_} + extension_bytes_ + line_ends;
    const std::uint64_t allowed = free_framing_bytes + std::min(left_, std::uint64_t{most_excess_bytes});
    excess_ += framing;
    excess_ -= static_cast<std::uint32_t>(std::min<std::uint64_t>(excess_, allowed));
    return excess_ > most_excess_bytes ? parse_errc::chunk_framing_too_long : parse_errc::none;
}

// *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
parse_errc body_reader::take_extension(char c) noexcept {
    if (c == '\n') return parse_errc::bare_lf;
    if (++extension_bytes_ > most_extension_bytes) return parse_errc::chunk_extension_too_long;
    const bool is_token = detail::is(detail::token_char, c), is_blank = detail::is_blank(c);
    const auto go = [this](bool allowed, state to) {
        if (allowed) state_ = to;
        return allowed ? parse_errc::none : parse_errc::chunk_extension_malformed;
    };
    // After a name or a value: its end, the next extension, or blanks that something must follow.
    const auto after = [&](bool named) {
        if (c == '\r') return go(true, state::size_lf);
        if (is_blank) return go(true, named ? state::extension_named_gap : state::extension_gap);
        if (named && c == '=') return go(true, state::extension_value_gap);
        return go(c == ';', state::extension_name_gap);
    };
    switch (state_) {
        case state::extension_gap: return is_blank ? parse_errc::none : go(c == ';', state::extension_name_gap);
        case state::extension_named_gap:
            if (is_blank) return parse_errc::none;
            return c == '=' ? go(true, state::extension_value_gap) : go(c == ';', state::extension_name_gap);
        case state::extension_name_gap: return is_blank ? parse_errc::none : go(is_token, state::extension_name);
        case state::extension_name: return is_token ? parse_errc::none : after(true);
        case state::extension_value_gap:
            if (is_blank) return parse_errc::none;
            return c == '"' ? go(true, state::extension_quoted) : go(is_token, state::extension_value);
        case state::extension_value: return is_token ? parse_errc::none : after(false);
        case state::extension_quoted:
            if (c == '"') return go(true, state::extension_quoted_end);
            if (c == '\\') return go(true, state::extension_escape);
            return go(detail::is(detail::text_char, c), state::extension_quoted);
        case state::extension_escape: return go(detail::is(detail::text_char, c), state::extension_quoted);
        default: return after(false);
    }
}

}  // namespace fusebox::http
