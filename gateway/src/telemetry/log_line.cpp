#include "telemetry/log_line.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <limits>

namespace fusebox::gateway {

namespace {

constexpr char32_t replacement = 0xfffd;

// Takes one character from the front of `text`, which is not empty.
char32_t take_character(std::string_view& text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const std::size_t size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    char32_t c = size == 1 ? first : first & (0x7fu >> size);
    bool good = size != 0 && first < 0xf5 && size <= text.size();
    for (std::size_t i = 1; good && i < size; ++i) {
        good = (byte(i) & 0xc0) == 0x80;
        c = c << 6 | (byte(i) & 0x3fu);
    }
    // Too long a form, a half of a pair, beyond Unicode.
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    good = good && c >= least[size] && (c < 0xd800 || c > 0xdfff) && c <= 0x10ffff;
    text.remove_prefix(good ? size : 1);
    return good ? c : replacement;
}

void append_escape(std::string& out, char32_t c) {
    if (c > 0xffff) {
        append_escape(out, 0xd800 + ((c - 0x10000) >> 10));
        c = 0xdc00 + ((c - 0x10000) & 0x3ff);
    }
    constexpr std::string_view digits = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += digits[c >> shift & 0xf];
}

bool is_plain(char c) noexcept {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

void append_time(std::string& out, std::int64_t wall) {
    using namespace std::chrono;
    const sys_time<milliseconds> at{floor<milliseconds>(nanoseconds{wall})};
    const auto day = floor<days>(at);
    const year_month_day date{day};
    const hh_mm_ss time{at - day};
    char text[40];
    const int n =
        std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()),
                      unsigned(date.month()), unsigned(date.day()), int(time.hours().count()),
                      int(time.minutes().count()), int(time.seconds().count()), int(time.subseconds().count()));
    out.append(text, std::size_t(std::clamp(n, 0, int(sizeof text) - 1)));
}

}  // namespace

std::int64_t wall_now() noexcept {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const char32_t c = take_character(text);
        if (c == '"' || c == '\\') out += '\\';
        if (c >= ' ' && c < 0x7f) out += static_cast<char>(c);
        else append_escape(out, c);
    }
    out += '"';
}

log_line::log_line(std::string& out, log_form form, std::int64_t wall, log_level level, std::string_view message)
    : out_(out), form_(form) {
    if (form_ == log_form::json) out_ += "{\"ts\":\"";
    append_time(out_, wall);
    if (form_ == log_form::json) {
        out_.append("\",\"level\":\"").append(to_string(level)).append("\",\"msg\":");
        append_quoted(out_, message);
    } else {
        out_.append(" ").append(to_string(level)).append(" ").append(message);
    }
}

log_line::~log_line() {
    out_ += form_ == log_form::json ? "}\n" : "\n";
}

void log_line::begin(std::string_view key) {
    if (form_ == log_form::json) out_.append(",\"").append(key).append("\":");
    else out_.append(" ").append(key).append("=");
}

log_line& log_line::add(std::string_view key, std::string_view value) {
    if (value.empty()) return *this;
    begin(key);
    if (form_ == log_form::text && std::ranges::all_of(value, is_plain)) out_ += value;
    else append_quoted(out_, value);
    return *this;
}

log_line& log_line::add(std::string_view key, std::uint64_t value) {
    begin(key);
    char digits[std::numeric_limits<std::uint64_t>::digits10 + 1];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    return *this;
}

log_line& log_line::add(std::string_view key, duration value) {
    begin(key);
    char digits[40];
    const double seconds = std::chrono::duration<double>(std::max(value, duration{0})).count();
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, seconds, std::chars_format::fixed, 6).ptr);
    return *this;
}

const char* to_string(log_level l) noexcept {
    switch (l) {
        case log_level::debug: return "debug";
        case log_level::info: return "info";
        case log_level::warning: return "warning";
        case log_level::error: return "error";
    }
    return "info";
}

}  // namespace fusebox::gateway
