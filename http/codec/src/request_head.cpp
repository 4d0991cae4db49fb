#include "field_scan.hpp"

#include <fusebox/http/authority.hpp>
#include <fusebox/http/request_head.hpp>

#include <algorithm>
#include <cstring>

namespace fusebox::http {

struct request_rules {
    using text_type = std::string_view;
    static constexpr bool mends = false;
    template <class Field>
    parse_errc take(Field& f) const noexcept {
        return head.is_only_kept(f.id) ? parse_errc::none : head.take(f);
    }
    request_head& head;
};

void request_head::clear() noexcept {
    restart_message();
    line_at_ = line_size_ = method_size_ = target_at_ = target_size_ = 0;
    path_at_ = path_size_ = path_and_query_size_ = authority_at_ = authority_size_ = 0;
    method_ = method_id::other;
    form_ = target_form::origin;
    has_host_ = expects_continue_ = accepts_trailers_ = false;
}

parse_status request_head::parse(std::string_view received, const head_limits& limits) noexcept {
    text_ = received.data();
    if (!limits.valid()) return refuse(parse_errc::limits_invalid, 0);
    if (phase_ == phase::ended) return error_ == parse_errc::none ? parse_status::complete : parse_status::refused;
    if (phase_ == phase::start_line) {
        const parse_status line = parse_start_line(received.substr(0, limits.bytes), limits);
        if (line != parse_status::complete) return line;
    }
    request_rules rules{*this};
    const parse_status fields = scan_fields(received, limits, rules);
    return fields == parse_status::complete ? conclude_request() : fields;
}

parse_status request_head::parse_start_line(std::string_view received, const head_limits& limits) noexcept {
    if (looked_ == 0 && !received.empty() && (received[0] == '\r' || received[0] == '\n')) {
        const detail::line_end empty = detail::line_end_at(received.data(), 0, received.size(), limits.bare_lf);
        if (empty.error != parse_errc::none) return refuse(empty.error, 0);
        if (empty.size == 0) return need_more(0, received.size(), limits);
        at_ = looked_ = static_cast<std::uint32_t>(empty.size);
    }
    if (received.size() <= at_) return need_more(at_, received.size(), limits);
    // Whoever speaks another protocol is told so at once, and not when a line end comes, or never.
    if (!detail::is(detail::token_char, received[at_])) return refuse(parse_errc::start_line_malformed, at_);

    const std::size_t most = std::min<std::size_t>(received.size(), at_ + limits.start_line + 2);
    const void* const found = std::memchr(text_ + looked_, '\n', most - looked_);
    if (found == nullptr) {
        if (most == at_ + limits.start_line + 2) {
            const bool is_all_method = detail::skip_token(text_, at_, most) == most;
            return refuse(is_all_method ? parse_errc::method_too_long : parse_errc::start_line_too_long, most);
        }
        return need_more(most, received.size(), limits);
    }
    const auto line_feed = static_cast<std::size_t>(static_cast<const char*>(found) - text_);
    const bool crlf = line_feed > at_ && text_[line_feed - 1] == '\r';
    if (!crlf && !limits.bare_lf) return refuse(parse_errc::bare_lf, line_feed);
    has_bare_lf_ = !crlf;
    line_at_ = static_cast<std::uint16_t>(at_);
    line_size_ = static_cast<std::uint16_t>(line_feed + 1 - at_);
    std::size_t offset = at_;
    const parse_errc refused = read_start_line(line_feed - (crlf ? 1 : 0), offset);
    if (refused != parse_errc::none) return refuse(refused, offset);
    looked_ = static_cast<std::uint32_t>(line_feed + 1);
    phase_ = phase::field_start;
    return parse_status::complete;
}

method_id identify_method(std::string_view name) noexcept {
    switch (name.size()) {
        case 3: return name == "GET" ? method_id::get : name == "PUT" ? method_id::put : method_id::other;
        case 4: return name == "POST" ? method_id::post : name == "HEAD" ? method_id::head : method_id::other;
        case 5: return name == "PATCH" ? method_id::patch : name == "TRACE" ? method_id::trace : method_id::other;
        case 6: return name == "DELETE" ? method_id::delete_ : method_id::other;
        case 7: return name == "OPTIONS" ? method_id::options : method_id::other;
        default: return method_id::other;
    }
}

bool is_idempotent(method_id m) noexcept {
    switch (m) {
        case method_id::get:
        case method_id::head:
        case method_id::put:
        case method_id::delete_:
        case method_id::options:
        case method_id::trace: return true;
        default: return false;
    }
}

// The line is complete and ends before `end`; it begins at `offset`, which is moved to what is refused.
parse_errc request_head::read_start_line(std::size_t end, std::size_t& offset) noexcept {
    const std::size_t begin = offset;
    offset = detail::skip(detail::token_char, text_, begin, end);
    if (offset == end || text_[offset] != ' ') return parse_errc::start_line_malformed;
    method_size_ = static_cast<std::uint16_t>(offset - begin);
    method_ = identify_method(method_text());
    const std::size_t target = ++offset;
    const void* const space = std::memchr(text_ + target, ' ', end - target);
    if (space == nullptr || space == text_ + target) return parse_errc::start_line_malformed;
    const auto target_end = static_cast<std::size_t>(static_cast<const char*>(space) - text_);
    target_at_ = static_cast<std::uint16_t>(target);
    target_size_ = static_cast<std::uint16_t>(target_end - target);
    offset = target_end + 1;
    if (const parse_errc refused = read_version(text(offset, end - offset)); refused != parse_errc::none) {
        return refused;
    }
    offset = target;
    return read_target(offset);
}

parse_errc request_head::read_target(std::size_t& offset) noexcept {
    if (method_ == method_id::other && method_text() == "CONNECT") return parse_errc::connect_not_served;
    if (text_[offset] == '/') return read_path(offset);
    if (target() != "*") return read_absolute_form(offset);
    if (method_ != method_id::options) return parse_errc::target_form_mismatch;
    form_ = target_form::asterisk;
    path_at_ = target_at_;
    path_size_ = path_and_query_size_ = 1;
    return parse_errc::none;
}

parse_errc request_head::read_absolute_form(std::size_t& offset) noexcept {
    constexpr std::string_view http = "http://", https = "https://";
    const std::string_view uri = target();
    const std::size_t scheme = equal_names(uri.substr(0, http.size()), http)     ? http.size()
                               : equal_names(uri.substr(0, https.size()), https) ? https.size()
                                                                                 : 0;
    if (scheme == 0) return parse_errc::target_form_mismatch;
    const std::string_view whom = uri.substr(scheme, uri.find_first_of("/?#", scheme) - scheme);
    offset += scheme;
    if (!parse_authority(whom)) return parse_errc::target_malformed;
    form_ = target_form::absolute;
    authority_at_ = static_cast<std::uint16_t>(offset);
    authority_size_ = static_cast<std::uint16_t>(whom.size());
    offset += whom.size();
    return read_path(offset);
}

// Of an origin-form target, or what follows the authority: may be empty then.
parse_errc request_head::read_path(std::size_t& offset) noexcept {
    const std::size_t begin = offset, end = static_cast<std::size_t>(target_at_) + target_size_;
    offset = detail::skip(detail::path_char, text_, begin, end);
    path_at_ = static_cast<std::uint16_t>(begin);
    path_size_ = static_cast<std::uint16_t>(offset - begin);
    path_and_query_size_ = static_cast<std::uint16_t>(end - begin);
    if (offset < end && text_[offset] == '?') offset = detail::skip(detail::query_char, text_, offset, end);
    if (offset == end) return parse_errc::none;
    return text_[offset] == '#' ? parse_errc::target_has_fragment : parse_errc::target_malformed;
}

parse_errc request_head::take(field& f) noexcept {
    const std::string_view said = text(f.value_at, f.value_size);
    switch (f.id) {
        case field_id::host:
            if (has_host_) return parse_errc::host_repeated;
            if (!parse_authority(said)) return parse_errc::host_malformed;
            has_host_ = true;
            if (form_ != target_form::absolute) {
                authority_at_ = f.value_at;
                authority_size_ = f.value_size;
            }
            return parse_errc::none;
        case field_id::expect:
            // Says nothing from HTTP/1.0, and would say something when sent on with our version.
            f.dropped = version_ == http_version::v1_0;
            if (f.dropped) return parse_errc::none;
            if (!equal_names(said, "100-continue")) return parse_errc::expectation_unknown;
            expects_continue_ = true;
            return parse_errc::none;
        case field_id::te: {
            std::string_view coding;
            for (detail::list_elements codings{said}; codings.next(coding);) {
                accepts_trailers_ |= equal_names(coding, "trailers");
            }
            return take_field(f);
        }
        default: return take_field(f);
    }
}

parse_status request_head::conclude_request() noexcept {
    if (!has_host_ && version_ == http_version::v1_1) return refuse(parse_errc::host_missing, size_);
    conclude();
    expects_continue_ = expects_continue_ && body_.kind != framing::none;
    return parse_status::complete;
}

std::string_view request_head::path() const noexcept {
    return path_size_ == 0 ? std::string_view{"/"} : text(path_at_, path_size_);
}

std::string_view request_head::path_and_query() const noexcept {
    return text(path_at_, path_and_query_size_);
}

std::string_view request_head::query() const noexcept {
    if (path_and_query_size_ == path_size_) return {};
    return text(path_at_ + path_size_ + 1U, path_and_query_size_ - path_size_ - 1U);
}

}  // namespace fusebox::http
