// What heads of requests and of responses have in common: version, framing, persistence, upgrade.
#pragma once

#include <fusebox/http/field_section.hpp>
#include <fusebox/http/framing.hpp>

namespace fusebox::http {

class message_head : public field_section {
public:
    http_version version() const noexcept { return version_; }
    framing body() const noexcept { return body_; }
    // Whether this side of the connection may be used again after this message.
    bool keep_alive() const noexcept { return keep_alive_; }
    // Whether the message names a protocol to change to: asked for by a request, granted by a response with 101.
    bool upgrade() const noexcept { return upgrade_; }

    // Whether the field Connection nominates fields of this name.
    bool nominates(std::string_view name) const noexcept;

protected:
    void restart_message() noexcept;

    // Fields with these ids are only kept; all others are for take_field, or for a role's own rules.
    static constexpr bool is_only_kept(field_id id) noexcept {
        constexpr field_set read{field_id::other,
                                 field_id::connection,
                                 field_id::content_length,
                                 field_id::expect,
                                 field_id::host,
                                 field_id::keep_alive,
                                 field_id::proxy_authenticate,
                                 field_id::proxy_authentication_info,
                                 field_id::proxy_authorization,
                                 field_id::proxy_connection,
                                 field_id::te,
                                 field_id::trailer,
                                 field_id::transfer_encoding,
                                 field_id::upgrade};
        return !read.contains(id);
    }
    // Takes in one complete field: framing and connection fields are read here, once.
    parse_errc take_field(field& f) noexcept;
    // After the last field: what several of them say together.
    void conclude() noexcept;
    void drop_all(field_id id) noexcept;
    // Of a 426, which names what the server wants instead (RFC 9110, section 15.5.22).
    void keep_upgrade() noexcept;
    parse_errc read_version(std::string_view version) noexcept;

    // body_ is as the fields say, `none` if they say nothing.
    http_version version_ = http_version::v1_1;
    framing body_;
    bool keep_alive_ = false;
    bool upgrade_ = false;

private:
    parse_errc take_content_length(field& f) noexcept;
    parse_errc take_transfer_encoding(const field& f) noexcept;
    parse_errc take_connection(const field& f) noexcept;
    parse_errc take_connection_option(std::string_view option) noexcept;

    std::uint8_t named_options_ = 0;
    bool has_length_ : 1 = false;
    bool has_coding_ : 1 = false;
    bool says_close_ : 1 = false;
    bool says_keep_alive_ : 1 = false;
    bool says_upgrade_ : 1 = false;
    bool has_upgrade_ : 1 = false;
};

}  // namespace fusebox::http
