#include "field_scan.hpp"

#include <fusebox/http/response_head.hpp>

#include <algorithm>
#include <cstring>

namespace fusebox::http {

struct response_rules {
    using text_type = std::span<char>;
    static constexpr bool mends = true;
    template <class Field>
    parse_errc take(Field& f) const noexcept {
        return head.is_only_kept(f.id) ? parse_errc::none : head.take_field(f);
    }
    response_head& head;
};

void response_head::clear() noexcept {
    restart_message();
    line_size_ = reason_at_ = reason_size_ = 0;
    status_ = 0;
}

parse_status response_head::parse(std::span<char> received, answered_request to, const head_limits& limits) noexcept {
    text_ = received.data();
    if (!limits.valid()) return refuse(parse_errc::limits_invalid, 0);
    if (phase_ == phase::ended) return error_ == parse_errc::none ? parse_status::complete : parse_status::refused;
    if (phase_ == phase::start_line) {
        const std::size_t end = std::min<std::size_t>(received.size(), limits.bytes);
        const parse_status line = parse_start_line({received.data(), end}, limits);
        if (line != parse_status::complete) return line;
    }
    response_rules rules{*this};
    const parse_status fields = scan_fields(received, limits, rules);
    return fields == parse_status::complete ? conclude_response(to) : fields;
}

parse_status response_head::parse_start_line(std::string_view received, const head_limits& limits) noexcept {
    if (!received.empty() && received[0] != 'H') return refuse(parse_errc::version_malformed, 0);
    const std::size_t most = std::min<std::size_t>(received.size(), limits.start_line + 2);
    const void* const found = most == 0 ? nullptr : std::memchr(text_ + looked_, '\n', most - looked_);
    if (found == nullptr) {
        if (most == limits.start_line + 2) return refuse(parse_errc::start_line_too_long, most);
        return need_more(most, received.size(), limits);
    }
    const auto line_feed = static_cast<std::size_t>(static_cast<const char*>(found) - text_);
    const bool crlf = text_[line_feed - 1] == '\r';  // the first byte is an H
    if (!crlf && !limits.bare_lf) return refuse(parse_errc::bare_lf, line_feed);
    has_bare_lf_ = !crlf;
    line_size_ = static_cast<std::uint16_t>(line_feed + 1);
    std::size_t offset = 0;
    const parse_errc refused = read_start_line(line_feed - (crlf ? 1 : 0), offset);
    if (refused != parse_errc::none) return refuse(refused, offset);
    looked_ = static_cast<std::uint32_t>(line_feed + 1);
    phase_ = phase::field_start;
    return parse_status::complete;
}

// HTTP/1.1 SP 200 SP reason; the reason, and the space before it, may be missing, as some servers have it.
parse_errc response_head::read_start_line(std::size_t end, std::size_t& offset) noexcept {
    constexpr std::size_t version_size = 8, status_at = 9, reason_at = 13;
    if (const parse_errc refused = read_version(text(0, std::min(end, version_size))); refused != parse_errc::none) {
        return refused;
    }
    offset = version_size;
    const bool ends_early = end == reason_at - 1;
    if ((!ends_early && (end < reason_at || text_[reason_at - 1] != ' ')) || text_[version_size] != ' ') {
        return parse_errc::status_malformed;
    }
    offset = status_at;
    int status = 0;
    for (std::size_t i = status_at; i < reason_at - 1; ++i) {
        if (!detail::is_digit(text_[i])) return parse_errc::status_malformed;
        status = status * 10 + (text_[i] - '0');
    }
    if (status < 100 || status > 599) return parse_errc::status_malformed;
    if (ends_early) {
        status_ = static_cast<std::int16_t>(status);
        reason_at_ = reason_at - 1;
        return parse_errc::none;
    }
    offset = detail::skip_text(text_, reason_at, end);
    if (offset != end) return text_[offset] == '\r' ? parse_errc::bare_cr : parse_errc::control_character;
    status_ = static_cast<std::int16_t>(status);
    reason_at_ = reason_at;
    reason_size_ = static_cast<std::uint16_t>(end - reason_at);
    return parse_errc::none;
}

parse_status response_head::conclude_response(answered_request to) noexcept {
    if (status_ == 101 && !to.upgrade) return refuse(parse_errc::switch_not_asked, 9);
    const bool has_framing = body_.kind != framing::none;
    const bool has_no_body = status_ < 200 || status_ == 204;
    conclude();
    upgrade_ = status_ == 101;
    if (has_no_body) drop_all(field_id::content_length);
    if (status_ == 426) keep_upgrade();
    if (has_no_body || status_ == 304 || to.head) {
        body_ = {};
    } else if (!has_framing) {
        body_ = {framing::until_close};
        keep_alive_ = false;
    }
    return parse_status::complete;
}

}  // namespace fusebox::http
