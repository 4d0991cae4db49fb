#include <fusebox/http/message.hpp>

#include "path_pattern.hpp"

#include <fusebox/http/field_id.hpp>

#include <algorithm>

namespace fusebox::http {

std::string_view message::get(std::string_view name) const noexcept {
    const auto found = std::ranges::find_if(fields, [&](const field& f) { return equal_names(f.name, name); });
    return found == fields.end() ? std::string_view{} : std::string_view{found->value};
}

void message::set(std::string_view name, std::string value) {
    std::erase_if(fields, [&](const field& f) { return equal_names(f.name, name); });
    fields.push_back({std::string(name), std::move(value)});
}

std::string_view request::parameter(std::string_view name) const noexcept {
    const auto found = std::ranges::find(parameters, name, &field::name);
    return found == parameters.end() ? std::string_view{} : std::string_view{found->value};
}

std::optional<std::string> request::query(std::string_view name) const {
    std::string_view rest = std::string_view(url).substr(path().size());
    while (!rest.empty()) {
        rest.remove_prefix(1);  // the question mark, or the ampersand
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(pair.size());
        const auto equals = std::min(pair.find('='), pair.size());
        if (percent_decoded(pair.substr(0, equals), true) == name)
            return percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    }
    return std::nullopt;
}

bool is_sendable(const field& f) noexcept {
    const auto in_token = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").contains(c);
    };
    const auto in_value = [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); };
    return !f.name.empty() && std::ranges::all_of(f.name, in_token) && std::ranges::all_of(f.value, in_value);
}

}  // namespace fusebox::http
