// What every fuzz target does: complain, and give a reader its bytes in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

// Ends the run; what comes before the abort tells which promise was broken.
inline void require(bool holds, const char* promise, const std::string& found = {}, const std::string& wanted = {}) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\nfound:  %s\nwanted: %s\n", promise, found.c_str(), wanted.c_str());
    std::abort();
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
    return size == 0 ? std::string{} : std::string{reinterpret_cast<const char*>(data), size};
}

// Up to which byte each piece reaches: every byte alone for short texts, else sizes that the text itself decides.
inline std::vector<std::size_t> piece_ends(std::string_view text) {
    std::vector<std::size_t> ends;
    std::size_t state = text.size();
    for (std::size_t end = 0; end < text.size();) {
        state = state * 6364136223846793005U + static_cast<unsigned char>(text[end]) + 1;
        end += text.size() <= 256 ? 1 : 1 + (state >> 33) % 64;
        ends.push_back(end < text.size() ? end : text.size());
    }
    return ends;
}

// Memory of exactly this size, so that a sanitizer sees a look beyond it.
class exact_buffer {
public:
    explicit exact_buffer(std::string_view text) : bytes_(text.begin(), text.end()) { bytes_.shrink_to_fit(); }
    std::vector<char>& bytes() { return bytes_; }
    std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

private:
    std::vector<char> bytes_;
};

}  // namespace fuzz
