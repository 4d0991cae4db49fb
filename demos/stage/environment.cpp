#include <stage/environment.hpp>

#include <fusebox/http/url.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

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

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

bool is_name(std::string_view text) {
    const auto fits = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
    return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
           std::ranges::all_of(text, fits);
}

// What follows "NAME=", without quotes and remark; nothing when it cannot be meant.
std::optional<std::string> value_in(std::string_view text) {
    const std::string_view value = trimmed(text);
    if (value.starts_with('"') || value.starts_with('\'')) {
        const auto end = value.find(value.front(), 1);
        if (end == value.npos) return std::nullopt;
        const std::string_view rest = trimmed(value.substr(end + 1));
        if (!rest.empty() && !rest.starts_with('#')) return std::nullopt;
        return std::string(value.substr(1, end - 1));
    }
    for (auto remark = text.find('#'); remark != text.npos; remark = text.find('#', remark + 1))
        if (remark > 0 && blanks.contains(text[remark - 1])) return std::string(trimmed(text.substr(0, remark)));
    return std::string(value);
}

// "NAME=value", with or without "export".
std::optional<std::pair<std::string, std::string>> assignment_in(std::string_view line) {
    constexpr std::string_view exported = "export";
    if (line.starts_with(exported) && line.size() > exported.size() && blanks.contains(line[exported.size()]))
        line = trimmed(line.substr(exported.size()));
    const auto equals = line.find('=');
    if (equals == line.npos) return std::nullopt;
    const std::string_view name = trimmed(line.substr(0, equals));
    auto value = value_in(line.substr(equals + 1));
    if (!is_name(name) || !value) return std::nullopt;
    return std::pair{std::string(name), std::move(*value)};
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
        const std::string_view said = trimmed(line);
        if (said.empty() || said.starts_with('#')) continue;
        if (auto set = assignment_in(said)) file_[std::move(set->first)] = std::move(set->second);
        else left_out_.push_back(number);
    }
}

std::string environment::warning() const {
    if (left_out_.empty()) return "";
    const auto others = left_out_.size() - 1;
    return fmt::format(".env:{}: this line is left out{}; a line is NAME=value, or a remark after #", left_out_.front(),
                       others == 0 ? "" : fmt::format(" ({} more after it)", others));
}

const char* environment::find(const char* name) const {
    if (const char* set = lookup_(name); set && *set != '\0') return set;
    const auto in_file = file_.find(name);
    return in_file == file_.end() || in_file->second.empty() ? nullptr : in_file->second.c_str();
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
