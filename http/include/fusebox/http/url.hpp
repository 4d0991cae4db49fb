// An address that a client can ask: "http://host[:port][/path][?query]", or https. Read strictly: what two readers
// might understand differently is refused (user names, fragments, blanks, strange hosts).
//
// Thread-safety: a value.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace fusebox::http {

struct url {
    bool tls = false;
    std::string host{};  // an IPv6 address without its brackets
    std::uint16_t port = 80;
    std::string authority{};  // as the field Host has it: host, and the port if it was given
    std::string target{};     // path and query, "/" at least

    // Otherwise a sentence that says what is wrong with it.
    static std::expected<url, std::string> parse(std::string_view text);
};

}  // namespace fusebox::http
