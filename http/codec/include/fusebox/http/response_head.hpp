// The head of an HTTP/1 response, read in place. Strict as request_head, but for what RFC 9112 has a proxy mend:
// whitespace before a field's colon (5.1) and folded lines (5.2) are overwritten with what they should have been,
// which is why the buffer must be writable.
#pragma once

#include <fusebox/http/message_head.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace fusebox::http {

// What a response answers, as far as its framing depends on it.
struct answered_request {
    bool head = false;     // the method was HEAD: no body, whatever the fields say
    bool upgrade = false;  // the request that was sent asked for an upgrade; without, a 101 is refused
};

class response_head : public message_head {
public:
    response_head() noexcept { clear(); }

    // As request_head::parse.
    parse_status parse(std::span<char> received, answered_request to, const head_limits& limits = {}) noexcept;
    void clear() noexcept;

    int status() const noexcept { return status_; }
    std::string_view reason() const noexcept { return text(reason_at_, reason_size_); }
    // 1xx other than 101: another response to the same request follows.
    bool interim() const noexcept { return status_ < 200 && status_ != 101; }
    // The status line with its line end; begins with the server's version.
    std::string_view start_line() const noexcept { return text(0, line_size_); }

private:
    friend struct response_rules;
    parse_status parse_start_line(std::string_view received, const head_limits& limits) noexcept;
    parse_errc read_start_line(std::size_t end, std::size_t& offset) noexcept;
    parse_status conclude_response(answered_request to) noexcept;

    std::uint16_t line_size_ = 0;
    std::uint16_t reason_at_ = 0, reason_size_ = 0;
    std::int16_t status_ = 0;
};

}  // namespace fusebox::http
