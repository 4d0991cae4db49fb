// The field names that have a meaning to a proxy, as numbers, so that nothing is compared twice.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace fusebox::http {

enum class field_id : std::uint8_t {
    other,  // any name that is not below
    accept,
    accept_encoding,
    accept_language,
    age,
    authorization,
    cache_control,
    connection,
    content_encoding,
    content_length,
    content_range,
    content_type,
    cookie,
    date,
    etag,
    expect,
    expires,
    forwarded,
    host,
    idempotency_key,
    if_match,
    if_modified_since,
    if_none_match,
    keep_alive,
    last_event_id,
    last_modified,
    location,
    max_forwards,
    origin,
    proxy_authenticate,
    proxy_authentication_info,
    proxy_authorization,
    proxy_connection,
    proxy_status,
    range,
    referer,
    retry_after,
    server,
    set_cookie,
    te,
    traceparent,
    tracestate,
    trailer,
    transfer_encoding,
    upgrade,
    user_agent,
    vary,
    via,
    x_forwarded_for,
    x_forwarded_host,
    x_forwarded_port,
    x_forwarded_proto,
    x_request_id,
};
inline constexpr unsigned field_id_count = static_cast<unsigned>(field_id::x_request_id) + 1;

// The id of a name in any case, or `other`.
field_id identify(std::string_view name) noexcept;

// The name in lower case; empty for `other`.
std::string_view name_of(field_id id) noexcept;

// Whether two names or tokens differ in nothing but the case of their ASCII letters.
bool equal_names(std::string_view a, std::string_view b) noexcept;

// A set of ids in one word.
class field_set {
public:
    constexpr field_set() noexcept = default;
    constexpr field_set(std::initializer_list<field_id> ids) noexcept {
        for (const field_id id : ids) bits_ |= bit(id);
    }
    constexpr bool contains(field_id id) const noexcept { return (bits_ & bit(id)) != 0; }
    constexpr void insert(field_id id) noexcept { bits_ |= bit(id); }

private:
    static constexpr std::uint64_t bit(field_id id) noexcept { return std::uint64_t{1} << static_cast<unsigned>(id); }
    std::uint64_t bits_ = 0;
};
static_assert(field_id_count <= 64);

}  // namespace fusebox::http
