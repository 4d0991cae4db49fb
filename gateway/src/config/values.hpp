// The shapes of single values: durations, percentages, names of things. Private.
#pragma once

#include "config/near_miss.hpp"
#include "config/shape.hpp"

namespace fusebox::gateway::config {

shape_of<duration> duration_value();
shape_of<duration> duration_or_none();  // none is duration::max()
shape_of<double> percentage();
shape_of<std::uint64_t> size_value();
shape_of<std::uint64_t> size_or_none();  // none is message_limits::unlimited
shape_of<bool> boolean();
shape_of<double> number(double least, double most);
shape_of<std::string> text(std::string type = "text");
shape_of<std::string> lines();  // of several lines
shape_of<std::string> matching(std::string type, std::string pattern, bool (*good)(std::string_view), std::string how);
shape_of<std::string> authority();  // what Host says
shape_of<socket_address> address();
shape_of<address_range> range();
shape_of<status_range> status();
shape_of<window_options> window();
shape_of<request_key> key_of_request();
shape_of<breaker_scope> scope();

template <std::unsigned_integral T>
shape_of<T> integer(std::uint64_t least, std::uint64_t most) {
    auto s = single<T>(
        shape::kind::integer, "whole number", "",
        [=](std::string_view text) -> reading<T> {
            const auto value = read_integer(text);
            if (!value) return std::unexpected{value.error()};
            if (*value < least || *value > most)
                return std::unexpected{std::string{text} + " must be between " + std::to_string(least) + " and " +
                                       std::to_string(most)};
            return static_cast<T>(*value);
        },
        [](T value) { return std::to_string(value); });
    s.least = double(least);
    s.most = double(most);
    return s;
}

// One of the names of an enumeration.
template <class E>
shape_of<E> choice(std::vector<std::pair<std::string, E>> names) {
    std::vector<std::string> known;
    for (const auto& [name, value] : names) known.push_back(name);
    auto s = single<E>(
        shape::kind::text, "name", "",
        [names, known](std::string_view text) -> reading<E> {
            for (const auto& [name, value] : names)
                if (name == text) return value;
            return std::unexpected{"\"" + std::string{text.substr(0, 60)} + "\" is not known here" +
                                   suggestion(text, known)};
        },
        [names](E wanted) {
            for (const auto& [name, value] : names)
                if (value == wanted) return name;
            return std::string{};
        });
    s.choices = std::move(known);
    return s;
}

}  // namespace fusebox::gateway::config
