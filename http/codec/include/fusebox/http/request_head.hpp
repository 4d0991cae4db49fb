// The head of an HTTP/1 request, read in place. Strict: RFC 9110 and 9112, and where these leave a choice, the
// one that no other reader can misunderstand.
//
//   request_head head;
//   switch (head.parse(everything_received_of_this_message)) { … }      again whenever more has come
//
// Feeding the bytes in any number of pieces gives the same as feeding them at once, and no byte is looked at
// twice. One empty line before the request line is skipped.
#pragma once

#include <fusebox/http/message_head.hpp>

#include <cstdint>
#include <string_view>

namespace fusebox::http {

enum class method_id : std::uint8_t { other, get, head, post, put, patch, delete_, options, trace };

// By its name, which is case-sensitive.
method_id identify_method(std::string_view name) noexcept;
// To ask twice has the effect of asking once (RFC 9110, section 9.2.2).
bool is_idempotent(method_id m) noexcept;

enum class target_form : std::uint8_t {
    origin,    // /path?query
    absolute,  // http://authority/path?query; its authority is the host, whatever the field Host says
    asterisk,  // *, with OPTIONS only
};

class request_head : public message_head {
public:
    request_head() noexcept { clear(); }

    // `received` are all bytes so far from the first of the message; may reach beyond its head. It may lie
    // elsewhere than at the last call, with the same bytes. The same limits each time.
    parse_status parse(std::string_view received, const head_limits& limits = {}) noexcept;
    // For the next message.
    void clear() noexcept;

    method_id method() const noexcept { return method_; }
    std::string_view method_text() const noexcept { return text(line_at_, method_size_); }
    // As it arrived.
    std::string_view target() const noexcept { return text(target_at_, target_size_); }
    target_form form() const noexcept { return form_; }
    // As it arrived, not decoded; see normalise_path. "/" when an absolute form has none, "*" in asterisk form.
    std::string_view path() const noexcept;
    // What follows the question mark.
    std::string_view query() const noexcept;
    // Path and query, in one piece: what an origin-form target would say. Lacks its "/" if an absolute form has
    // a query and no path; empty if it has neither.
    std::string_view path_and_query() const noexcept;
    // Whom the request is for, `host` or `host:port`, checked; empty only from HTTP/1.0 without a Host.
    std::string_view authority() const noexcept { return text(authority_at_, authority_size_); }

    // The client waits for 100 (Continue) before it sends the body.
    bool expects_continue() const noexcept { return expects_continue_; }
    // The client takes trailer fields (TE: trailers).
    bool accepts_trailers() const noexcept { return accepts_trailers_; }

    // The request line is as we would write it, so that it can be forwarded untouched.
    bool start_line_forwardable() const noexcept {
        return version_ == http_version::v1_1 && form_ != target_form::absolute;
    }
    std::string_view start_line() const noexcept { return text(line_at_, line_size_); }  // with its line end

private:
    friend struct request_rules;
    parse_status parse_start_line(std::string_view received, const head_limits& limits) noexcept;
    parse_errc read_start_line(std::size_t end, std::size_t& offset) noexcept;
    parse_errc read_target(std::size_t& offset) noexcept;
    parse_errc read_absolute_form(std::size_t& offset) noexcept;
    parse_errc read_path(std::size_t& offset) noexcept;
    parse_errc take(field& f) noexcept;
    parse_status conclude_request() noexcept;

    std::uint16_t line_at_ = 0, line_size_ = 0;
    std::uint16_t target_at_ = 0, target_size_ = 0;
    std::uint16_t path_at_ = 0, path_size_ = 0, path_and_query_size_ = 0;
    std::uint16_t authority_at_ = 0, authority_size_ = 0;
    std::uint16_t method_size_ = 0;
    method_id method_ = method_id::other;
    target_form form_ = target_form::origin;
    bool has_host_ = false;
    bool expects_continue_ = false;
    bool accepts_trailers_ = false;
};

}  // namespace fusebox::http
