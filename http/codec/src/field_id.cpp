#include <fusebox/http/field_id.hpp>

#include "characters.hpp"

#include <array>
#include <cstring>

namespace fusebox::http {

namespace {

constexpr std::array<std::string_view, field_id_count> names{
    "",
    "accept",
    "accept-encoding",
    "accept-language",
    "age",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "host",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "keep-alive",
    "last-event-id",
    "last-modified",
    "location",
    "max-forwards",
    "origin",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "proxy-status",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
};

// Where a name would stand in the table: its size and three of its letters tell all known names apart.
constexpr unsigned slot_count = 256;
constexpr unsigned slot(std::string_view name, unsigned seed) noexcept {
    const auto letter = [&](std::size_t i) { return static_cast<unsigned>(name[i]) | 0x20U; };
    const auto size = static_cast<unsigned>(name.size());
    const unsigned mixed =
        letter(0) + letter(name.size() - 1) * 0x101U + letter(name.size() * 3 / 4) * 0x10001U + size * 0x1001U;
    return (mixed * seed) >> 24;
}

// Found by trying odd numbers until no two names met; a name that is added may need another.
constexpr unsigned seed = 2654438779;

consteval std::array<field_id, slot_count> fill_table() {
    std::array<field_id, slot_count> table{};
    for (unsigned id = 1; id < field_id_count; ++id) {
        field_id& place = table[slot(names[id], seed)];
        if (place != field_id::other) throw "two names meet in one slot: take another seed";
        place = static_cast<field_id>(id);
    }
    return table;
}
constexpr std::array<field_id, slot_count> table = fill_table();

// Eight bytes at a time: a difference is one of case if it is 0x20, and the lower-case text has a letter there
// (of the bytes in names only letters have the bit 0x40).
bool equal_to_known(const char* text, const char* known, std::size_t size) noexcept {
    const auto differ = [](const char* a, const char* b, auto word) {
        decltype(word) other;
        std::memcpy(&word, a, sizeof word);
        std::memcpy(&other, b, sizeof other);
        const auto letters = static_cast<decltype(word)>(other & static_cast<decltype(word)>(0x4040404040404040U));
        return ((word ^ other) & static_cast<decltype(word)>(~(letters >> 1))) != 0;
    };
    if (size < 4) {
        return !differ(text, known, std::uint8_t{}) && !differ(text + size / 2, known + size / 2, std::uint8_t{}) &&
               !differ(text + size - 1, known + size - 1, std::uint8_t{});
    }
    if (size < 8) {
        return !differ(text, known, std::uint32_t{}) && !differ(text + size - 4, known + size - 4, std::uint32_t{});
    }
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
        if (differ(text + i, known + i, std::uint64_t{})) return false;
    }
    return !differ(text + size - 8, known + size - 8, std::uint64_t{});
}

}  // namespace

field_id identify(std::string_view name) noexcept {
    if (name.empty()) return field_id::other;
    const field_id candidate = table[slot(name, seed)];
    const std::string_view known = names[static_cast<unsigned>(candidate)];
    const bool same = known.size() == name.size() && equal_to_known(name.data(), known.data(), name.size());
    return same ? candidate : field_id::other;
}

std::string_view name_of(field_id id) noexcept {
    return names[static_cast<unsigned>(id)];
}

bool equal_names(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

}  // namespace fusebox::http
