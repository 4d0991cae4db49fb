// The fields of a head or of a trailer section, as spans of the buffer that they arrived in.
//
// Nothing is copied and nothing allocated: a field is four offsets and an id. The texts are valid while the
// buffer is; when its bytes have been moved elsewhere, say so with moved_to().
//
// Thread-safety: none; a value.
#pragma once

#include <fusebox/http/field_id.hpp>
#include <fusebox/http/parse_error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::http {

struct head_limits {
    static constexpr std::uint32_t most_bytes = 65535;  // offsets are 16 bits wide
    static constexpr std::uint32_t most_fields = 256;

    std::uint32_t bytes = 32768;      // of a head, or of a trailer section; up to most_bytes. Beyond: 431
    std::uint32_t start_line = 8192;  // bytes of the first line, its end not counted; up to `bytes`. Beyond: 414
    std::uint32_t fields = 100;       // up to most_fields. Beyond: 431
    bool bare_lf = false;             // lines may end with LF alone; it is forwarded as CR LF

    constexpr bool valid() const noexcept {
        return bytes <= most_bytes && start_line <= bytes && fields <= most_fields;
    }
};

class field_section {
public:
    // How many fields there are. They are numbered from 0 in the order of arrival, repeats included.
    std::size_t count() const noexcept { return count_; }
    field_id id(std::size_t i) const noexcept { return fields_[i].id; }
    std::string_view name(std::size_t i) const noexcept { return text(fields_[i].name_at, fields_[i].name_size); }
    // Without the whitespace around it; may be empty.
    std::string_view value(std::size_t i) const noexcept { return text(fields_[i].value_at, fields_[i].value_size); }
    // The whole line as it arrived, with its line end.
    std::string_view line(std::size_t i) const noexcept;
    // True for a field that means something only to this connection, or must not leave it: what section 7.6.1
    // of RFC 9110 and the field Connection name; a second, equal Content-Length; in a trailer section also what
    // only a head may say.
    bool dropped(std::size_t i) const noexcept { return fields_[i].dropped; }

    // Whether a field with this id is there and not dropped.
    bool passes(field_id id) const noexcept;

    // The value of the first field with this id or name.
    std::optional<std::string_view> find(field_id id) const noexcept;
    std::optional<std::string_view> find(std::string_view name) const noexcept;

    // Bytes from the first of the message to the end of the empty line; what follows is not ours.
    std::size_t size() const noexcept { return size_; }
    // True when some line ended with LF alone (head_limits::bare_lf).
    bool has_bare_lf() const noexcept { return has_bare_lf_; }

    parse_errc error() const noexcept { return error_; }
    // Where the offending byte lies, counted from the first of the message.
    std::size_t error_offset() const noexcept { return looked_; }

    // The buffer's bytes are now at `begin`.
    void moved_to(const char* begin) noexcept { text_ = begin; }

protected:
    struct field {
        std::uint16_t name_at;
        std::uint16_t name_size;
        std::uint16_t value_at;
        std::uint16_t value_size;
        field_id id;
        bool dropped;
    };
    enum class phase : std::uint8_t { start_line, field_start, name, before_colon, before_value, fold, value, ended };

    std::string_view text(std::size_t at, std::size_t size) const noexcept { return {text_ + at, size}; }
    void restart(phase first) noexcept;
    parse_status refuse(parse_errc why, std::size_t offset) noexcept;
    parse_status need_more(std::size_t looked, std::size_t received, const head_limits& limits) noexcept;

    parse_status take_empty_line(std::size_t at, std::size_t end, const head_limits& limits) noexcept;
    // The field whose value ends before `value_end`, or before the blanks there.
    field& append_field(std::size_t value_end) noexcept;
    // Goes on with the field lines; each complete one is handed to rules.take(). In field_scan.hpp.
    template <class Rules>
    parse_status scan_fields(typename Rules::text_type received, const head_limits& limits, Rules& rules) noexcept;

    const char* text_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t at_ = 0;      // where the line that is not complete yet begins
    std::uint32_t looked_ = 0;  // bytes before this one need no second look
    std::uint16_t count_ = 0;
    std::uint16_t name_size_ = 0;
    std::uint16_t value_at_ = 0;
    phase phase_ = phase::start_line;
    parse_errc error_ = parse_errc::none;
    bool has_bare_lf_ = false;

    std::array<field, head_limits::most_fields> fields_;  // of which the first count_ are set
};

class message_head;

// The fields that may follow a chunked body. What concerns framing, routing, authentication or the handling of
// the message is marked as dropped (RFC 9110, section 6.5.1). They must not be merged into the head.
class trailer_section : public field_section {
public:
    trailer_section() noexcept { clear(); }
    // As request_head::parse; begins where body_reader said so.
    parse_status parse(std::string_view received, const head_limits& limits = {}) noexcept;
    void clear() noexcept { restart(phase::field_start); }
    // Marks as dropped what `head` nominates by Connection: that concerns trailer fields too (section 7.6.1).
    void drop_named_by(const message_head& head) noexcept;
};

}  // namespace fusebox::http
