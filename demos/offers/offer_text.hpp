// What an offer says: its kind, and the minute and second in which it was made.
#pragma once

#include <fmt/chrono.h>

#include <ctime>
#include <string>

namespace offers {

// "Hot offer 24:48", "Cold offer fallback 7:5"
inline std::string offer_text(const char* kind, const std::tm& made) {
    return fmt::format("{} {}:{}", kind, made.tm_min, made.tm_sec);
}

inline std::string offer_text(const char* kind) {
    return offer_text(kind, fmt::localtime(std::time(nullptr)));
}

}  // namespace offers
