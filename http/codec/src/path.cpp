#include <fusebox/http/path.hpp>

#include "characters.hpp"

#include <algorithm>

namespace fusebox::http {

namespace {

constexpr bool is_unreserved(char c) noexcept {
    constexpr std::string_view marks = "-._~";
    const int letter = c | 0x20;
    return detail::is_digit(c) || (letter >= 'a' && letter <= 'z') || marks.find(c) != marks.npos;
}

constexpr char upper_hex(unsigned digit) noexcept {
    return "0123456789ABCDEF"[digit];
}

// True when nothing in the path has another spelling.
bool is_normal(std::string_view path) noexcept {
    return path.find('%') == path.npos && path.find("/.") == path.npos;
}

// Writes the path segment by segment, so that `..` can take the last one back.
class path_writer {
public:
    explicit path_writer(std::span<char> buffer) noexcept : out_(buffer) {}

    // `path` begins with a slash.
    path_errc take(std::string_view path) noexcept {
        begin_segment();
        for (std::size_t i = 1; i < path.size(); ++i) {
            path_errc wrong{};
            if (path[i] == '/') {
                wrong = end_segment(true);
            } else if (path[i] != '%') {
                put(path[i]);
            } else if (i + 2 >= path.size()) {
                return path_errc::escape_malformed;
            } else {
                wrong = take_escape(path[i + 1], path[i + 2]);
                i += 2;
            }
            if (wrong != path_errc{}) return wrong;
        }
        return end_segment(false);
    }

    std::string_view written() const noexcept { return {out_.data(), size_}; }

private:
    void put(char c) noexcept { out_[size_++] = c; }

    path_errc take_escape(char high, char low) noexcept {
        const int first = detail::hex_value(high), second = detail::hex_value(low);
        if (first < 0 || second < 0) return path_errc::escape_malformed;
        const auto byte = static_cast<unsigned>(first * 16 + second);
        if (byte == 0) return path_errc::nul;
        if (is_unreserved(static_cast<char>(byte))) {
            put(static_cast<char>(byte));
            return {};
        }
        const bool is_slash = byte == '/' || byte == '\\';
        if (is_slash && last_part_is_dots()) return path_errc::hidden_dot_segment;
        put('%');
        put(upper_hex(byte >> 4));
        put(upper_hex(byte & 15));
        if (is_slash) {
            part_ = size_;
            hides_ = true;
        }
        return {};
    }

    void begin_segment() noexcept {
        put('/');
        segment_ = part_ = size_;
        hides_ = false;
    }

    // `.` goes, and `..` goes with the segment before it; the slash before them stays, and is the one that follows.
    path_errc end_segment(bool another_follows) noexcept {
        if (hides_ && last_part_is_dots()) return path_errc::hidden_dot_segment;
        const std::string_view segment{out_.data() + segment_, size_ - segment_};
        if (segment == "..") {
            if (segment_ == 1) return path_errc::above_root;
            size_ = segment_ - 2;
            while (out_[size_] != '/') --size_;
        } else if (segment == ".") {
            size_ = segment_ - 1;
        } else if (!another_follows) {
            return {};
        }
        begin_segment();
        return {};
    }

    bool last_part_is_dots() const noexcept {
        return size_ - part_ == 2 && out_[part_] == '.' && out_[part_ + 1] == '.';
    }

    std::span<char> out_;
    std::size_t size_ = 0;
    std::size_t segment_ = 0;  // where the segment being written begins
    std::size_t part_ = 0;     // likewise, where escaped slashes and backslashes count too
    bool hides_ = false;       // the segment has one of those
};

}  // namespace

std::string_view sentence(path_errc e) noexcept {
    switch (e) {
        case path_errc::not_absolute: return "A path must begin with a slash.";
        case path_errc::character_refused: return "The path has a byte that must be percent-encoded.";
        case path_errc::fragment: return "A path must not have a fragment (#).";
        case path_errc::escape_malformed: return "Two hexadecimal digits must follow a percent sign.";
        case path_errc::nul: return "The path must not contain %00.";
        case path_errc::above_root: return "The path climbs above its root.";
        case path_errc::hidden_dot_segment: return "The path hides a .. beside an escaped slash or backslash.";
        case path_errc::buffer_too_small: return "The buffer must be as large as the path.";
    }
    return {};
}

std::expected<std::string_view, path_errc> normalise_path(std::string_view path, std::span<char> buffer) noexcept {
    if (!path.starts_with('/')) return std::unexpected(path_errc::not_absolute);
    if (const std::size_t end = detail::skip(detail::path_char, path.data(), 0, path.size()); end != path.size()) {
        return std::unexpected(path[end] == '#' ? path_errc::fragment : path_errc::character_refused);
    }
    if (is_normal(path)) return path;
    if (buffer.size() < path.size()) return std::unexpected(path_errc::buffer_too_small);
    path_writer writer{buffer};
    if (const path_errc wrong = writer.take(path); wrong != path_errc{}) return std::unexpected(wrong);
    return writer.written();
}

}  // namespace fusebox::http
