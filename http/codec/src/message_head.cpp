#include <fusebox/http/message_head.hpp>

#include "characters.hpp"

#include <algorithm>
#include <limits>

namespace fusebox::http {

namespace {

constexpr std::size_t most_length_digits = 19;  // so many always fit into 64 bits
constexpr unsigned most_connection_options = 32;

// What a request's Connection may not take off it (RFC 9110, section 7.6.1): whoever sends that wants the next
// server to see another request than this one.
bool must_reach_the_other_end(std::string_view name) noexcept {
    static constexpr field_set kept{field_id::host,        field_id::content_length, field_id::authorization,
                                    field_id::traceparent, field_id::tracestate,     field_id::forwarded};
    constexpr std::string_view prefix = "x-forwarded-";
    return kept.contains(identify(name)) || equal_names(name.substr(0, prefix.size()), prefix);
}

// Everything that begins with Proxy- concerns one hop, but for Proxy-Status (RFC 9209).
bool is_for_a_proxy(std::string_view name) noexcept {
    constexpr std::string_view prefix = "proxy-";
    return (name.front() | 0x20) == 'p' && equal_names(name.substr(0, prefix.size()), prefix);
}

}  // namespace

void message_head::restart_message() noexcept {
    restart(phase::start_line);
    version_ = http_version::v1_1;
    body_ = {};
    keep_alive_ = upgrade_ = false;
    named_options_ = 0;
    has_length_ = has_coding_ = says_close_ = says_keep_alive_ = says_upgrade_ = has_upgrade_ = false;
}

parse_errc message_head::read_version(std::string_view version) noexcept {
    constexpr std::string_view name = "HTTP/";
    if (version == "HTTP/1.1") {
        version_ = http_version::v1_1;
    } else if (version == "HTTP/1.0") {
        version_ = http_version::v1_0;
    } else {
        const bool has_its_form = version.size() == 8 && version.starts_with(name) && detail::is_digit(version[5]) &&
                                  version[6] == '.' && detail::is_digit(version[7]);
        return has_its_form ? parse_errc::version_unsupported : parse_errc::version_malformed;
    }
    return parse_errc::none;
}

parse_errc message_head::take_field(field& f) noexcept {
    switch (f.id) {
        case field_id::content_length: return take_content_length(f);
        case field_id::transfer_encoding: f.dropped = true; return take_transfer_encoding(f);
        case field_id::connection: f.dropped = true; return take_connection(f);
        case field_id::upgrade:
            f.dropped = true;
            has_upgrade_ |= f.value_size != 0;
            return parse_errc::none;
        case field_id::keep_alive:
        case field_id::te:
        case field_id::trailer:
        case field_id::proxy_authenticate:
        case field_id::proxy_authentication_info:
        case field_id::proxy_authorization:
        case field_id::proxy_connection: f.dropped = true; return parse_errc::none;
        case field_id::other: f.dropped = is_for_a_proxy(text(f.name_at, f.name_size)); return parse_errc::none;
        default: return parse_errc::none;
    }
}

parse_errc message_head::take_content_length(field& f) noexcept {
    const std::string_view digits = text(f.value_at, f.value_size);
    if (digits.empty() || digits.size() > most_length_digits || !std::ranges::all_of(digits, detail::is_digit)) {
        return parse_errc::content_length_malformed;
    }
    std::uint64_t length = 0;
    for (const char c : digits) length = length * 10 + static_cast<std::uint64_t>(c - '0');
    // Others behind us count with a sign.
    if (length > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return parse_errc::content_length_malformed;
    if (has_length_) {
        if (length != body_.bytes) return parse_errc::content_length_repeated;
        f.dropped = true;
    }
    if (has_coding_) return parse_errc::content_length_beside_transfer_encoding;
    has_length_ = true;
    body_ = {framing::length, length};
    return parse_errc::none;
}

// Other readers look for `chunked` in more ways than the RFC has. Nothing is accepted that any of them could read
// differently, a tab instead of a space not either.
parse_errc message_head::take_transfer_encoding(const field& f) noexcept {
    if (version_ == http_version::v1_0) return parse_errc::transfer_encoding_in_http_1_0;
    if (has_coding_) return parse_errc::transfer_encoding_repeated;
    if (has_length_) return parse_errc::content_length_beside_transfer_encoding;
    const std::size_t before = f.name_at + f.name_size + 1U;
    const std::size_t after = f.value_at + f.value_size;
    const std::string_view line = text(before, after + 1 - before);
    if (line.find('\t') != line.npos) return parse_errc::transfer_encoding_malformed;

    const std::string_view value = text(f.value_at, f.value_size);
    constexpr std::string_view chunked = "chunked";
    if (!equal_names(value, chunked)) {
        std::string_view coding, last;
        bool is_repeated = false, has_others = false;
        for (detail::list_elements codings{value}; codings.next(coding); last = coding) {
            is_repeated |= equal_names(last, chunked);
            has_others |= !equal_names(coding, chunked);
        }
        const bool ends_so = value.size() > chunked.size() && equal_names(last, chunked) && value.back() != ',';
        return ends_so && has_others && !is_repeated ? parse_errc::transfer_coding_unknown
                                                     : parse_errc::transfer_encoding_malformed;
    }
    has_coding_ = true;
    body_ = {framing::chunked};
    return parse_errc::none;
}

parse_errc message_head::take_connection(const field& f) noexcept {
    std::string_view option;
    for (detail::list_elements options{text(f.value_at, f.value_size)}; options.next(option);) {
        if (const parse_errc refused = take_connection_option(option); refused != parse_errc::none) return refused;
    }
    return parse_errc::none;
}

parse_errc message_head::take_connection_option(std::string_view option) noexcept {
    switch (identify(option)) {
        case field_id::keep_alive: says_keep_alive_ = true; return parse_errc::none;
        case field_id::upgrade: says_upgrade_ = true; return parse_errc::none;
        default: break;
    }
    if (equal_names(option, "close")) {
        says_close_ = true;
        return parse_errc::none;
    }
    if (!std::ranges::all_of(option, [](char c) { return detail::is(detail::token_char, c); })) {
        return parse_errc::connection_malformed;
    }
    if (must_reach_the_other_end(option)) return parse_errc::connection_names_end_to_end_field;
    if (++named_options_ > most_connection_options) return parse_errc::connection_too_long;
    return parse_errc::none;
}

bool message_head::nominates(std::string_view name) const noexcept {
    if (named_options_ == 0) return false;
    for (std::size_t i = 0; i < count_; ++i) {
        if (fields_[i].id != field_id::connection) continue;
        std::string_view option;
        for (detail::list_elements options{value(i)}; options.next(option);) {
            if (equal_names(name, option)) return true;
        }
    }
    return false;
}

void message_head::conclude() noexcept {
    const bool is_1_1 = version_ == http_version::v1_1;
    keep_alive_ = !says_close_ && (is_1_1 || says_keep_alive_);
    upgrade_ = is_1_1 && says_upgrade_ && has_upgrade_;
    for (std::size_t i = 0; named_options_ != 0 && i < count_; ++i) fields_[i].dropped |= nominates(name(i));
}

void message_head::drop_all(field_id id) noexcept {
    for (std::size_t i = 0; i < count_; ++i) fields_[i].dropped |= fields_[i].id == id;
}

}  // namespace fusebox::http
