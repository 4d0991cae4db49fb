#include "messages/trace_context.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace fusebox::gateway {

namespace {

constexpr std::string_view trace_digits = "0123456789abcdef";

bool is_hex(std::string_view text) noexcept {
    return text.find_first_not_of(trace_digits) == std::string_view::npos;
}

bool is_zero(std::string_view text) noexcept {
    return text.find_first_not_of('0') == std::string_view::npos;
}

// Both digits of each byte. Every request is written four numbers, one of them for its id.
constexpr auto pairs = [] {
    std::array<std::array<char, 2>, 256> made{};
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = {trace_digits[i >> 4], trace_digits[i & 15]};
    return made;
}();

void write_hex(std::uint64_t number, std::span<char, 16> out) noexcept {
    for (std::size_t i = out.size(); i > 0; i -= 2, number >>= 8) {
        const auto& pair = pairs[number & 255];
        out[i - 2] = pair[0];
        out[i - 1] = pair[1];
    }
}

// A span of its own: anything but zero, which means "none".
void write_span(std::uint64_t random, std::array<char, 16>& out) noexcept {
    write_hex(random == 0 ? 1 : random, out);
}

constexpr bool is_lower_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// key = ( lower / digit ) *255 ( lower / digit / "_" / "-" / "*" / "/" ), with one "@" in a tenant's key
bool is_state_key(std::string_view key) noexcept {
    const std::size_t at = key.find('@');
    const std::string_view tenant = key.substr(0, at);
    const auto fits = [](std::string_view part, std::size_t longest) {
        return !part.empty() && part.size() <= longest && std::ranges::all_of(part, [](char c) {
            return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/';
        });
    };
    if (at == std::string_view::npos) return fits(key, 256) && is_lower_or_digit(key.front());
    const std::string_view system = key.substr(at + 1);
    return fits(tenant, 241) && is_lower_or_digit(tenant.front()) && fits(system, 14) &&
           is_lower_or_digit(system.front());
}

bool is_state_value(std::string_view value) noexcept {
    return !value.empty() && value.size() <= 256 && !value.ends_with(' ') &&
           std::ranges::all_of(value, [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

}  // namespace

std::optional<trace_parent> parse_trace_parent(std::string_view value) noexcept {
    if (value.size() < trace_parent_length) return std::nullopt;
    const std::string_view version = value.substr(0, 2), trace = value.substr(3, 32), span = value.substr(36, 16),
                           flags = value.substr(53, 2);
    if (value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
    if (!is_hex(version) || !is_hex(trace) || !is_hex(span) || !is_hex(flags)) return std::nullopt;
    if (version == "ff" || is_zero(trace) || is_zero(span)) return std::nullopt;
    if (version == "00" && value.size() != trace_parent_length) return std::nullopt;
    if (value.size() > trace_parent_length && value[trace_parent_length] != '-') return std::nullopt;
    trace_parent parent;
    std::ranges::copy(trace, parent.trace_id.begin());
    std::ranges::copy(span, parent.span_id.begin());
    parent.sampled = trace_digits.find(flags[1]) % 2 != 0;
    return parent;
}

std::array<char, trace_parent_length> to_text(const trace_parent& parent) noexcept {
    std::array<char, trace_parent_length> out;
    char* at = std::ranges::copy(std::string_view("00-"), out.begin()).out;
    at = std::ranges::copy(parent.trace_id, at).out;
    *at++ = '-';
    at = std::ranges::copy(parent.span_id, at).out;
    std::ranges::copy(std::string_view(parent.sampled ? "-01" : "-00"), at);
    return out;
}

trace_parent child_of(const trace_parent& from, std::uint64_t random) noexcept {
    trace_parent child = from;
    write_span(random, child.span_id);
    if (child.span_id == from.span_id) write_span(random + 1, child.span_id);
    return child;
}

trace_parent new_trace(bool sampled, const std::array<std::uint64_t, 3>& random) noexcept {
    trace_parent made{.sampled = sampled};
    write_hex(random[0], std::span(made.trace_id).first<16>());
    write_hex(random[0] == 0 && random[1] == 0 ? 1 : random[1], std::span(made.trace_id).last<16>());
    write_span(random[2], made.span_id);
    return made;
}

bool valid_trace_state(std::string_view line, unsigned& members) noexcept {
    constexpr unsigned most = 32;
    std::array<std::string_view, most> keys;
    std::size_t known = 0;
    for (std::size_t begin = 0; begin <= line.size();) {
        const std::size_t end = std::min(line.find(',', begin), line.size());
        std::string_view member = line.substr(begin, end - begin);
        begin = end + 1;
        const std::size_t first = member.find_first_not_of(" \t");
        if (first == std::string_view::npos) continue;
        member = member.substr(first, member.find_last_not_of(" \t") - first + 1);
        const std::size_t equals = member.find('=');
        if (equals == std::string_view::npos || ++members > most) return false;
        const std::string_view key = member.substr(0, equals);
        if (!is_state_key(key) || !is_state_value(member.substr(equals + 1))) return false;
        if (std::find(keys.begin(), keys.begin() + std::ptrdiff_t(known), key) != keys.begin() + std::ptrdiff_t(known))
            return false;
        keys[known++] = key;
    }
    return true;
}

bool valid_request_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= 128 && std::ranges::all_of(id, [](char c) {
        return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') ||
               std::string_view("-_.~:/+=@").find(c) != std::string_view::npos;
    });
}

std::array<char, 32> new_request_id(std::uint64_t high, std::uint64_t low) noexcept {
    std::array<char, 32> id;
    write_hex(high, std::span(id).first<16>());
    write_hex(low, std::span(id).last<16>());
    return id;
}

}  // namespace fusebox::gateway
