// Parts of a body as they go out: as they are, or as a chunk (RFC 9112, section 7.1).
//
// Thread-safety: functions of their arguments.
#pragma once

#include <fusebox/http/body_reader.hpp>
#include <fusebox/http/field_section.hpp>
#include <fusebox/http/gather.hpp>

#include <cstddef>
#include <span>

#include <sys/uio.h>

namespace fusebox::gateway {

// The bytes of all parts together.
inline std::size_t size_of(std::span<const iovec> parts) noexcept {
    std::size_t size = 0;
    for (const iovec& p : parts) size += p.iov_len;
    return size;
}

// `line` begins the chunk, and must outlive what is gathered; null where there are no chunks.
inline void add_parts(http::gather& out, std::span<const iovec> parts, const http::chunk_line* line) {
    if (line != nullptr) out.add(line->text());
    for (const iovec& p : parts) out.add({static_cast<const char*>(p.iov_base), p.iov_len});
    if (line != nullptr) out.add("\r\n");
}

// The last chunk, with the trailer fields that may go on; null for none.
inline void add_last_chunk(http::gather& out, const http::trailer_section* trailers) {
    out.add("0\r\n");
    if (trailers != nullptr) out.fields(*trailers);
    out.end();
}

}  // namespace fusebox::gateway
