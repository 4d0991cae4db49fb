#include "config/notation.hpp"

#include "config/document.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace fusebox::gateway::config {

namespace {

struct unit {
    std::string_view name;
    double worth;
};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Digits, perhaps with a fraction, at the head of `text`, which is left with the rest.
std::optional<double> take_number(std::string_view& text) {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n])) ++n;
    if (n == 0) return {};
    if (n + 1 < text.size() && text[n] == '.' && is_digit(text[n + 1]))
        for (++n; n < text.size() && is_digit(text[n]);) ++n;
    double value = 0;
    if (std::from_chars(text.data(), text.data() + n, value).ec != std::errc{}) return {};
    text.remove_prefix(n);
    return value;
}

constexpr std::array<unit, 7> time_units{
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};
constexpr std::array<unit, 7> size_units{
    {{"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}}};

template <std::size_t N>
const unit* find_unit(const std::array<unit, N>& units, std::string_view name) {
    const auto found = std::find_if(units.begin(), units.end(), [&](const unit& u) { return u.name == name; });
    return found == units.end() ? nullptr : &*found;
}

std::unexpected<std::string> wrong(std::string_view text, const std::string& why) {
    return std::unexpected{in_quotes(text) + " " + why};
}

}  // namespace

reading<duration> read_duration(std::string_view text) {
    std::string_view rest = text;
    const auto number = take_number(rest);
    if (!number) return wrong(text, "is not a duration; write a number with a unit, such as 250ms, 10s, 5m or 1h");
    const std::string digits{text.substr(0, text.size() - rest.size())};
    if (rest.empty())
        return wrong(text, "has no unit; write " + digits + "s for seconds, or " + digits + "ms for milliseconds");
    const unit* u = find_unit(time_units, rest);
    if (u == nullptr) return wrong(text, "has an unknown unit; there are ns, us, ms, s, m, h and d");
    const double ns = std::round(*number * u->worth);
    if (ns >= 9.2e18) return wrong(text, "is longer than 292 years; write none for no limit");
    if (ns == 0 && *number != 0) return wrong(text, "is shorter than a nanosecond; write 0s for none at all");
    return duration{static_cast<std::int64_t>(ns)};
}

std::string write_duration(duration d) {
    constexpr std::array<unit, 6> units{{{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}};
    if (d == duration::max()) return "none";
    if (d == duration{0}) return "0s";
    for (const unit& u : units)
        if (d.count() % static_cast<std::int64_t>(u.worth) == 0)
            return std::to_string(d.count() / static_cast<std::int64_t>(u.worth)) + std::string{u.name};
    return {};
}

reading<double> read_percentage(std::string_view text) {
    std::string_view rest = text;
    const auto number = take_number(rest);
    if (!number || (!rest.empty() && rest != "%"))
        return wrong(text, "is not a percentage; write a number with a percent sign, such as 50%");
    if (rest.empty()) {
        const std::string meant = *number <= 1 && text.find('.') != std::string_view::npos ? write_percentage(*number)
                                                                                           : std::string{text} + "%";
        return wrong(text, "has no percent sign; write " + meant);
    }
    if (*number > 100) return wrong(text, "must be between 0% and 100%");
    // As if the share itself were written: 99.9 / 100 is not 0.999.
    const std::string share = std::string{text.substr(0, text.size() - 1)} + "e-2";
    double value = 0;
    std::from_chars(share.data(), share.data() + share.size(), value);
    return value;
}

std::string write_percentage(double share) {
    // Through a decimal text, lest 0.07 * 100 become 7.000000000000001.
    return write_number(std::round(share * 100 * 1e9) / 1e9) + "%";
}

reading<std::uint64_t> read_size(std::string_view text) {
    std::string_view rest = text;
    const auto number = take_number(rest);
    if (!number) return wrong(text, "is not a size; write a number with a unit, such as 64KiB or 10MiB");
    const std::string digits{text.substr(0, text.size() - rest.size())};
    if (rest.empty()) return wrong(text, "has no unit; write " + digits + "B for bytes, or " + digits + "KiB");
    const unit* u = find_unit(size_units, rest);
    if (u == nullptr) return wrong(text, "has an unknown unit; there are B, KiB, MiB, GiB, kB, MB and GB");
    const double bytes = *number * u->worth;
    if (bytes > 1e15) return wrong(text, "is too much; write none for no limit");
    if (bytes != std::floor(bytes)) return wrong(text, "is not a whole number of bytes");
    return static_cast<std::uint64_t>(bytes);
}

std::string write_size(std::uint64_t bytes) {
    if (bytes == message_limits::unlimited) return "none";
    for (const auto* u : {&size_units[3], &size_units[2], &size_units[1]})
        if (const auto worth = static_cast<std::uint64_t>(u->worth); bytes != 0 && bytes % worth == 0)
            return std::to_string(bytes / worth) + std::string{u->name};
    return std::to_string(bytes) + "B";
}

reading<std::uint64_t> read_integer(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.size() > 1 && text[0] == '0' && std::all_of(text.begin(), text.end(), is_digit))
        return wrong(text, "has a leading zero, which some take for octal; write it without");
    if (error == std::errc::result_out_of_range) return wrong(text, "is too large");
    if (error != std::errc{} || end != text.data() + text.size())
        return wrong(text, "is not a whole number; write digits only, such as 20");
    return value;
}

reading<double> read_number(std::string_view text) {
    std::string_view rest = text;
    const auto number = take_number(rest);
    if (!number || !rest.empty()) return wrong(text, "is not a number; write it such as 20 or 1.5");
    if (text.size() > 1 && text[0] == '0' && is_digit(text[1]))
        return wrong(text, "has a leading zero, which some take for octal; write it without");
    return *number;
}

std::string write_number(double number) {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
    return {buffer.data(), end};
}

reading<status_range> read_status(std::string_view text) {
    if (text.size() == 3 && text[0] >= '1' && text[0] <= '5') {
        const auto hundreds = static_cast<std::uint16_t>((text[0] - '0') * 100);
        if (text.substr(1) == "xx") return status_range{hundreds, static_cast<std::uint16_t>(hundreds + 99)};
        if (is_digit(text[1]) && is_digit(text[2])) {
            const auto one = static_cast<std::uint16_t>(hundreds + (text[1] - '0') * 10 + (text[2] - '0'));
            return status_range{one, one};
        }
    }
    return wrong(text, "is not a status; write one between 100 and 599, or a class such as 5xx");
}

std::string write_status(const status_range& range) {
    return range.from == range.to ? std::to_string(range.from) : std::to_string(range.from / 100) + "xx";
}

reading<window_options> read_window(std::string_view text) {
    constexpr std::string_view calls = " calls";
    if (text.ends_with(calls)) {
        const auto size = read_integer(text.substr(0, text.size() - calls.size()));
        if (!size || *size < 1 || *size > 1'000'000) return wrong(text, "must be between 1 calls and 1000000 calls");
        return count_window{static_cast<std::uint32_t>(*size)};
    }
    if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit))
        return wrong(text, "has no unit; write " + std::string{text} + "s for a time, or " + std::string{text} +
                               " calls for the last so many");
    const auto length = read_duration(text);
    if (!length) return std::unexpected{length.error() + "; or a number of calls, such as 100 calls"};
    constexpr std::uint32_t buckets = 10;
    const duration width = *length / buckets;
    if (width < std::chrono::milliseconds{10} || *length > std::chrono::hours{24})
        return wrong(text, "must be between 100ms and 24h");
    return time_window{buckets, width};
}

std::string write_window(const window_options& window) {
    if (const auto* counted = std::get_if<count_window>(&window)) return std::to_string(counted->size) + " calls";
    const auto& timed = std::get<time_window>(window);
    return write_duration(timed.width * timed.buckets);
}

}  // namespace fusebox::gateway::config
