// Text that a stranger sends, made fit to be the key of a policy: bounded in length as a key, printable in a name.
//
// Up to 128 bytes a key is the text itself. Of a longer one it is the beginning and a hash of all of it: whoever can
// make another text with the same key knows the text itself, and could have sent that.
//
// Thread-safety: none for the key, which belongs to one request; a function of its argument.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace fusebox::gateway {

class policy_key {
public:
    static constexpr std::size_t longest = 128;

    // `text` must outlive the key.
    explicit policy_key(std::string_view text) noexcept;
    policy_key(const policy_key&) = delete;
    policy_key& operator=(const policy_key&) = delete;

    std::string_view text() const noexcept { return text_; }

private:
    static constexpr std::size_t hash_digits = 16;
    std::array<char, longest + 1> shortened_;  // longer than any text that is a key by itself
    std::string_view text_;
};

// What cannot stand in a metric's label or a header, and %, becomes %XX, so that different keys look different.
std::string printable(std::string_view key);

}  // namespace fusebox::gateway
