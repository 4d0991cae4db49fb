// How the options of every policy are checked: collects what is wrong, one sentence an option. Private.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>

#include <charconv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fusebox::detail {

// A value as a person would write it in a configuration.
inline std::string option_text(double v) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
    return {buffer, end};
}
inline std::string option_text(std::uint32_t v) {
    return std::to_string(v);
}
inline std::string option_text(duration d) {
    if (d == duration::max()) return "unlimited";
    if (d % std::chrono::seconds{1} == duration{0}) return std::to_string(d / std::chrono::seconds{1}) + "s";
    if (d % std::chrono::milliseconds{1} == duration{0}) return std::to_string(d / std::chrono::milliseconds{1}) + "ms";
    return std::to_string(d.count()) + "ns";
}

class option_checker {
public:
    template <class T>
    void require(bool holds, const char* option, T value, std::string expectation) {
        if (!holds) errors_.push_back({option, option_text(value), "must be " + std::move(expectation)});
    }
    void count(const char* option, std::uint32_t value, std::uint32_t most) {
        require(value >= 1 && value <= most, option, value, "between 1 and " + std::to_string(most));
    }
    void share(const char* option, double value) {
        require(value > 0.0 && value <= 1.0, option, value, "a share above 0 and at most 1 (0.5 is 50 %)");
    }
    void refuse(const char* option, std::string value, std::string expectation) {
        errors_.push_back({option, std::move(value), std::move(expectation)});
    }
    std::vector<config_error> take() { return std::move(errors_); }

private:
    std::vector<config_error> errors_;
};

}  // namespace fusebox::detail
