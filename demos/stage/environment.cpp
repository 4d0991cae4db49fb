#include <stage/environment.hpp>

#include <fusebox/http/url.hpp>

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace stage {

namespace {

constexpr double longest_seconds = 24 * 3600;

template <class Number>
std::optional<Number> parse(std::string_view text) {
    Number value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

double as_seconds(fusebox::duration d) {
    return std::chrono::duration<double>(d).count();
}

}  // namespace

environment::environment(std::function<const char*(const char*)> lookup) : lookup_(std::move(lookup)) {}

environment environment::of_process() {
    environment of_both{[](const char* name) { return std::getenv(name); }};
    if (std::ifstream file{".env"}; file) {
        std::stringstream text;
        text << file.rdbuf();
        of_both.add_file(text.str());
    }
    return of_both;
}

void environment::add_file(const std::string& text) {
    std::istringstream lines{text};
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        const auto begin = line.find_first_not_of(" \t");
        if (begin == line.npos || line[begin] == '\r' || line[begin] == '#') continue;
        const auto equals = line.find('=');
        if (equals == line.npos || equals == begin) {
            refuse(fmt::format(".env:{}: '{}' must be NAME=value, or a remark after #", number, line));
            continue;
        }
        std::string value = line.substr(equals + 1);
        while (!value.empty() && std::string_view(" \t\r").contains(value.back())) value.pop_back();
        const bool quoted =
            value.size() > 1 && value.front() == value.back() && (value.front() == '"' || value.front() == '\'');
        file_[line.substr(begin, equals - begin)] = quoted ? value.substr(1, value.size() - 2) : value;
    }
}

const char* environment::find(const char* name) const {
    if (const char* set = lookup_(name)) return set;
    const auto in_file = file_.find(name);
    return in_file == file_.end() ? nullptr : in_file->second.c_str();
}

const char* environment::one_of(std::initializer_list<const char*> names) const {
    for (const char* name : names)
        if (find(name)) return name;
    return *names.begin();
}

void environment::check() const {
    if (refused_.empty()) return;
    std::string all = refused_.front();
    for (std::size_t i = 1; i < refused_.size(); ++i) all += "; " + refused_[i];
    throw std::invalid_argument(all);
}

std::string environment::text(const char* name, std::string otherwise) {
    const char* text = find(name);
    return text ? std::string{text} : otherwise;
}

double environment::probability(const char* name, double otherwise) {
    const char* text = find(name);
    if (!text) return otherwise;
    const auto value = parse<double>(text);
    if (value && *value >= 0 && *value <= 1) return *value;
    refuse(fmt::format("{}={} must be a number from 0 to 1", name, text));
    return otherwise;
}

fusebox::duration environment::seconds(const char* name, fusebox::duration otherwise, fusebox::duration at_least) {
    const char* text = find(name);
    if (!text) return otherwise;
    const auto value = parse<double>(text);
    if (value && *value >= as_seconds(at_least) && *value <= longest_seconds)
        return std::chrono::round<fusebox::duration>(std::chrono::duration<double>{*value});
    refuse(fmt::format("{}={} must be a number of seconds from {:g} to {:g}", name, text, as_seconds(at_least),
                       longest_seconds));
    return otherwise;
}

std::uint64_t environment::whole_number(const char* name, std::uint64_t otherwise, std::uint64_t at_least,
                                        std::uint64_t at_most) {
    const char* text = find(name);
    if (!text) return otherwise;
    const auto value = parse<std::uint64_t>(text);
    if (value && *value >= at_least && *value <= at_most) return *value;
    refuse(fmt::format("{}={} must be a whole number from {} to {}", name, text, at_least, at_most));
    return otherwise;
}

std::string environment::url(const char* name, std::string otherwise) {
    const char* text = find(name);
    if (!text) return otherwise;
    std::string value{text};
    while (value.ends_with('/')) value.pop_back();
    if (const auto parsed = fusebox::http::url::parse(value); !parsed)
        refuse(fmt::format("{}: {}", name, parsed.error()));
    return value;
}

}  // namespace stage
