// Where the bytes of a body lie among the bytes received: the framing of RFC 9112, section 6 and 7, undone
// without a copy. Chunk extensions are checked, bounded and passed over. What surrounds the data is bounded too, by how
// much data there is: a body that is mostly framing is an attack on whoever reads it.
//
//   body_reader body{head.body()};
//   for (;;) {
//       const auto step = body.next(received);
//       received.remove_prefix(step.consumed);
//       …
//   }
//
// Thread-safety: none; a value of 24 bytes.
#pragma once

#include <fusebox/http/framing.hpp>
#include <fusebox/http/parse_error.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fusebox::http {

class body_reader {
public:
    static constexpr unsigned most_size_digits = 16;
    static constexpr unsigned most_extension_bytes = 256;  // a chunk
    // Bytes of framing in a body beyond free_framing_bytes a chunk and as much again as there is data.
    static constexpr std::uint32_t most_excess_bytes = 16384;
    static constexpr std::uint32_t free_framing_bytes = 16;

    struct step {
        enum kind_type : std::uint8_t {
            incomplete,  // all was consumed; more bytes are needed
            data,        // `slice` is the next part of the body; not empty
            end,         // the body is complete; what was not consumed belongs to the next message
            trailers,    // the data is complete; a trailer_section begins at what was not consumed, and ends the body
            refused,     // see error(); the connection cannot be used any more
        } kind = incomplete;
        std::size_t consumed = 0;  // of `received`; never offer these bytes again
        std::string_view slice{};  // of the body, within `received`
    };

    explicit body_reader(framing how) noexcept;

    step next(std::string_view received) noexcept;

    // The peer has closed: true when the body is whole. Otherwise what was passed on so far must not be made to
    // look complete.
    bool whole_at_close() const noexcept;

    // True once next() has nothing more to give: `end` or `trailers` came, or would come without another byte.
    bool finished() const noexcept { return state_ == state::ended; }
    parse_errc error() const noexcept { return error_; }

private:
    enum class state : std::uint8_t {
        counted,
        until_close,
        size_first,
        size,
        size_lf,
        extension_gap,
        extension_named_gap,
        extension_name_gap,
        extension_name,
        extension_value_gap,
        extension_value,
        extension_quoted,
        extension_escape,
        extension_quoted_end,
        data,
        data_cr,
        data_lf,
        trailer_first,
        end_lf,
        trailers,
        ended,
        refused,
    };

    step next_counted(std::string_view received) noexcept;
    step next_chunked(std::string_view received) noexcept;
    step refuse(parse_errc why) noexcept;
    parse_errc take_size_line(char c) noexcept;
    parse_errc weigh_chunk() noexcept;
    parse_errc take_extension(char c) noexcept;

    std::uint64_t left_ = 0;  // of the body, or of the chunk
    std::uint32_t excess_ = 0;
    std::uint16_t extension_bytes_ = 0;
    std::uint8_t digits_ = 0;
    state state_ = state::ended;
    parse_errc error_ = parse_errc::none;
};

static_assert(sizeof(body_reader) == 24);

}  // namespace fusebox::http
