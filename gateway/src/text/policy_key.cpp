#include "text/policy_key.hpp"

#include "text/stable_hash.hpp"

#include <algorithm>
#include <cstdint>

namespace fusebox::gateway {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

}  // namespace

policy_key::policy_key(std::string_view text) noexcept : text_(text) {
    if (text.size() <= longest) return;
    const std::size_t kept = shortened_.size() - hash_digits - 1;
    char* out = std::ranges::copy(text.substr(0, kept), shortened_.data()).out;
    *out++ = '#';
    std::uint64_t hash = stable_hash(text);
    for (std::size_t i = 0; i < hash_digits; ++i, hash <<= 4) *out++ = hex_digits[hash >> 60];
    text_ = {shortened_.data(), shortened_.size()};
}

std::string printable(std::string_view key) {
    std::string out;
    for (const char c : key) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7f && c != '%') out += c;
        else out.append({'%', hex_digits[byte >> 4], hex_digits[byte & 15]});
    }
    return out;
}

}  // namespace fusebox::gateway
