// The body of a request on its way: how much of it has been read, whether that is more than is taken, and what is kept
// of it for another attempt. What is kept is complete or worthless.
//
// Thread-safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

namespace fusebox::gateway {

class request_body {
public:
    // Of a new request. `most`: bytes that are taken; `room`: bytes that may be kept.
    void begin(std::uint64_t most, std::size_t room) noexcept;

    // A part was read. It is kept if `wanted` (another attempt may need it) and it fits. False when the body is larger
    // than what is taken.
    bool take(std::span<const iovec> parts, bool wanted);

    // Everything that was read is kept, so that the request can be sent again.
    bool is_kept() const noexcept { return is_kept_; }
    std::string_view kept() const noexcept { return kept_; }
    // Bytes read.
    std::uint64_t size() const noexcept { return size_; }

private:
    std::string kept_;  // keeps its memory
    std::uint64_t size_ = 0;
    std::uint64_t most_ = 0;
    std::size_t room_ = 0;
    bool is_kept_ = true;
};

}  // namespace fusebox::gateway
