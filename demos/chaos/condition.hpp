// How the service is that everybody calls.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace chaos {

enum class condition {
    healthy,  // answers
    failing,  // answers each call at once, with an error
    hanging,  // takes calls and never answers them, not even once it is healthy again
};

inline constexpr std::array<std::string_view, 3> condition_names{"healthy", "failing", "hanging"};

constexpr std::string_view to_string(condition c) noexcept {
    return condition_names[static_cast<std::size_t>(c)];
}
constexpr std::optional<condition> find_condition(std::string_view name) noexcept {
    for (std::size_t i = 0; i < condition_names.size(); ++i)
        if (condition_names[i] == name) return static_cast<condition>(i);
    return std::nullopt;
}

}  // namespace chaos
