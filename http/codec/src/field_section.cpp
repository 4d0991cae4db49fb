#include "field_scan.hpp"

#include <fusebox/http/message_head.hpp>

#include <algorithm>
#include <array>

namespace fusebox::http {

std::string_view field_section::line(std::size_t i) const noexcept {
    const std::size_t begin = fields_[i].name_at;
    if (i + 1 < count_) return text(begin, fields_[i + 1].name_at - begin);
    // The last one ends where the empty line begins.
    const std::size_t end = size_ - (text_[size_ - 2] == '\r' ? 2 : 1);
    return text(begin, end - begin);
}

bool field_section::passes(field_id id) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        if (fields_[i].id == id && !fields_[i].dropped) return true;
    }
    return false;
}

std::optional<std::string_view> field_section::find(field_id id) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        if (fields_[i].id == id) return value(i);
    }
    return std::nullopt;
}

std::optional<std::string_view> field_section::find(std::string_view wanted) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        if (equal_names(name(i), wanted)) return value(i);
    }
    return std::nullopt;
}

void field_section::restart(phase first) noexcept {
    text_ = nullptr;
    size_ = at_ = looked_ = 0;
    count_ = 0;
    phase_ = first;
    error_ = parse_errc::none;
    has_bare_lf_ = false;
}

parse_status field_section::refuse(parse_errc why, std::size_t offset) noexcept {
    error_ = why;
    looked_ = static_cast<std::uint32_t>(offset);
    phase_ = phase::ended;
    return parse_status::refused;
}

parse_status field_section::need_more(std::size_t looked, std::size_t received, const head_limits& limits) noexcept {
    if (received == limits.bytes) {
        return refuse(phase_ == phase::start_line ? parse_errc::start_line_too_long : parse_errc::head_too_large,
                      received);
    }
    looked_ = static_cast<std::uint32_t>(looked);
    return parse_status::incomplete;
}

parse_status field_section::take_empty_line(std::size_t i, std::size_t end, const head_limits& limits) noexcept {
    const detail::line_end found = detail::line_end_at(text_, i, end, limits.bare_lf);
    if (found.error != parse_errc::none) return refuse(found.error, i);
    if (found.size == 0) {
        phase_ = phase::field_start;
        return need_more(i, end, limits);
    }
    if (found.size == 1) has_bare_lf_ = true;
    size_ = static_cast<std::uint32_t>(i + found.size);
    phase_ = phase::ended;
    return parse_status::complete;
}

field_section::field& field_section::append_field(std::size_t value_end) noexcept {
    while (value_end > value_at_ && detail::is_blank(text_[value_end - 1])) --value_end;
    field& f = fields_[count_++];
    f.name_at = static_cast<std::uint16_t>(at_);
    f.name_size = name_size_;
    f.value_at = value_at_;
    f.value_size = static_cast<std::uint16_t>(value_end - value_at_);
    f.id = identify(text(f.name_at, f.name_size));
    f.dropped = false;
    return f;
}

namespace {

bool only_a_head_may_say(field_id id, std::string_view name) noexcept {
    static constexpr field_set forbidden{field_id::age,
                                         field_id::authorization,
                                         field_id::cache_control,
                                         field_id::connection,
                                         field_id::content_encoding,
                                         field_id::content_length,
                                         field_id::content_range,
                                         field_id::content_type,
                                         field_id::cookie,
                                         field_id::date,
                                         field_id::expect,
                                         field_id::expires,
                                         field_id::forwarded,
                                         field_id::host,
                                         field_id::if_match,
                                         field_id::if_none_match,
                                         field_id::if_modified_since,
                                         field_id::keep_alive,
                                         field_id::location,
                                         field_id::max_forwards,
                                         field_id::origin,
                                         field_id::proxy_connection,
                                         field_id::proxy_authenticate,
                                         field_id::proxy_authentication_info,
                                         field_id::range,
                                         field_id::retry_after,
                                         field_id::proxy_authorization,
                                         field_id::set_cookie,
                                         field_id::te,
                                         field_id::traceparent,
                                         field_id::tracestate,
                                         field_id::trailer,
                                         field_id::transfer_encoding,
                                         field_id::upgrade,
                                         field_id::vary,
                                         field_id::via,
                                         field_id::x_forwarded_for,
                                         field_id::x_forwarded_host,
                                         field_id::x_forwarded_port,
                                         field_id::x_forwarded_proto};
    constexpr std::string_view forwarded = "x-forwarded-", proxy = "proxy-", authenticate = "www-authenticate";
    const auto begins = [name](std::string_view with) { return equal_names(name.substr(0, with.size()), with); };
    return forbidden.contains(id) || begins(forwarded) || (id == field_id::other && begins(proxy)) ||
           equal_names(name, authenticate);
}

// Applications take a _ in a name for a -.
bool only_a_head_may_say(std::string_view name) noexcept {
    if (name.find('_') == name.npos) return false;
    std::array<char, 32> plain;  // longer than the names above
    const std::size_t size = std::min(name.size(), plain.size());
    std::replace_copy(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(size), plain.begin(), '_', '-');
    const std::string_view as_read{plain.data(), size};
    return only_a_head_may_say(size == name.size() ? identify(as_read) : field_id::other, as_read);
}

}  // namespace

struct trailer_rules {
    using text_type = std::string_view;
    static constexpr bool mends = false;
    template <class Field>
    parse_errc take(Field& f) const noexcept {
        const std::size_t last = section.count() - 1;
        f.dropped =
            only_a_head_may_say(section.id(last), section.name(last)) || only_a_head_may_say(section.name(last));
        return parse_errc::none;
    }
    trailer_section& section;
};

parse_status trailer_section::parse(std::string_view received, const head_limits& limits) noexcept {
    text_ = received.data();
    if (!limits.valid()) return refuse(parse_errc::limits_invalid, 0);
    if (phase_ == phase::ended) return error_ == parse_errc::none ? parse_status::complete : parse_status::refused;
    trailer_rules rules{*this};
    return scan_fields(received, limits, rules);
}

void trailer_section::drop_named_by(const message_head& head) noexcept {
    for (std::size_t i = 0; i < count_; ++i) fields_[i].dropped |= head.nominates(name(i));
}

}  // namespace fusebox::http
