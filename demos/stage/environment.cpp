#include <health-check/environment.hpp>

#include <fusebox/http/url.hpp>

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace health_check {

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
    return environment{[](const char* name) { return std::getenv(name); }};
}

double environment::probability(const char* name, double otherwise) {
    const char* text = lookup_(name);
    if (!text) return otherwise;
    const auto value = parse<double>(text);
    if (value && *value >= 0 && *value <= 1) return *value;
    refuse(fmt::format("{}={} must be a number from 0 to 1", name, text));
    return otherwise;
}

fusebox::duration environment::seconds(const char* name, fusebox::duration otherwise, fusebox::duration at_least) {
    const char* text = lookup_(name);
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
    const char* text = lookup_(name);
    if (!text) return otherwise;
    const auto value = parse<std::uint64_t>(text);
    if (value && *value >= at_least && *value <= at_most) return *value;
    refuse(fmt::format("{}={} must be a whole number from {} to {}", name, text, at_least, at_most));
    return otherwise;
}

std::string environment::url(const char* name, std::string otherwise) {
    const char* text = lookup_(name);
    if (!text) return otherwise;
    std::string value{text};
    while (value.ends_with('/')) value.pop_back();
    if (const auto parsed = fusebox::http::url::parse(value); !parsed)
        refuse(fmt::format("{}: {}", name, parsed.error()));
    return value;
}

}  // namespace health_check
