// A head to be sent, as pieces of memory: mostly runs of the head that was received, and a few lines of ours.
//
//   gather out;
//   out.request(head, {field_id::via});     request line in origin-form, and the fields that may go on
//   out.add("Via: 1.1 fusebox\r\n");
//   out.end();
//   socket.write(out.pieces());
//
// What lies side by side in memory becomes one piece, so that a head of which nothing is removed is one or two.
// The texts must live until the pieces are sent. Fields keep their order and their repeats.
//
// Thread-safety: none; a value for the stack.
#pragma once

#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sys/uio.h>

namespace fusebox::http {

class gather {
public:
    // Tells which fields without an id do not go on.
    using name_test = bool (*)(std::string_view name) noexcept;

    // Enough for the worst head and 64 pieces of one's own.
    static constexpr std::size_t most_pieces = head_limits::most_fields + 64;

    // The request line with the target in origin-form (or `*`) and our version, then the fields. When the
    // authority came with the target, a Host with it takes the place of the one received. From HTTP/1.0 there may
    // be none at all (head.authority() is empty): then a line with it must be added.
    void request(const request_head& head, field_set without = {}, name_test drops = nullptr) noexcept;
    // The status line with our version, then the fields.
    void response(const response_head& head, field_set without = {}) noexcept;
    // The fields that are neither marked as dropped nor in `without`, and of those without an id only those whose
    // names are not for `drops`. Content-Length goes on in its one spelling.
    void fields(const field_section& from, field_set without = {}, name_test drops = nullptr) noexcept;

    // Appends text as it is; empty text is no piece. Whole field lines must end with CR LF.
    void add(std::string_view bytes) noexcept;
    // The empty line.
    void end() noexcept { add("\r\n"); }

    std::span<const iovec> pieces() const noexcept { return {pieces_.data(), count_}; }
    // Bytes in all pieces.
    std::size_t size() const noexcept { return size_; }
    // False when something had no place left: then nothing of this may be sent.
    bool complete() const noexcept { return complete_; }

private:
    void line(std::string_view line, bool has_bare_lf) noexcept;

    std::size_t count_ = 0;
    std::size_t size_ = 0;
    bool complete_ = true;
    std::array<iovec, most_pieces> pieces_;  // of which the first count_ are set
};

// The line before a chunk of `size` bytes (not zero), with its line end. After the data comes CR LF, and
// after the last chunk last_chunk: the end of a body without trailer fields.
class chunk_line {
public:
    explicit chunk_line(std::uint64_t size) noexcept;
    std::string_view text() const noexcept { return {text_ + sizeof text_ - size_, size_}; }

private:
    char text_[18];
    std::size_t size_ = 0;
};
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace fusebox::http
