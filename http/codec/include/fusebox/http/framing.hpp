// Where a message's body ends (RFC 9112, section 6.3). Computed once, when its head is complete.
#pragma once

#include <cstdint>

namespace fusebox::http {

enum class http_version : std::uint8_t { v1_0, v1_1 };

struct framing {
    enum kind_type : std::uint8_t {
        none,         // there is no body: the next byte belongs to the next message
        length,       // exactly `bytes` bytes
        chunked,      // until the chunk of size zero, and its trailer fields
        until_close,  // until the peer closes; only a response has this
    } kind = none;
    std::uint64_t bytes = 0;  // of `length` only

    friend bool operator==(const framing&, const framing&) = default;
};

}  // namespace fusebox::http
