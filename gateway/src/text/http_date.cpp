#include "text/http_date.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>

namespace fusebox::gateway {

namespace {

constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::string_view day_names = "SunMonTueWedThuFriSat";

// Takes pieces from the front of a text; once one does not fit, `failed` stays set.
struct cursor {
    std::string_view rest;
    bool failed = false;

    void literal(std::string_view expected) noexcept {
        if (!rest.starts_with(expected)) failed = true;
        else rest.remove_prefix(expected.size());
    }
    // So many digits; with `padded`, the first may be a space.
    int number(std::size_t digits, bool padded = false) noexcept {
        if (rest.size() < digits) return failed = true, 0;
        int n = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            const char c = rest[i];
            if (padded && i == 0 && c == ' ') continue;
            if (c < '0' || c > '9') return failed = true, 0;
            n = 10 * n + (c - '0');
        }
        rest.remove_prefix(digits);
        return n;
    }
    unsigned month() noexcept {
        const std::size_t at = rest.size() < 3 ? std::string_view::npos : month_names.find(rest.substr(0, 3));
        if (at == std::string_view::npos || at % 3 != 0) return failed = true, 0u;
        rest.remove_prefix(3);
        return static_cast<unsigned>(at / 3 + 1);
    }
};

struct fields {
    int year = 0, day = 0, hour = 0, minute = 0, second = 0;
    unsigned month = 0;
};

void time_of_day(cursor& c, fields& f) noexcept {
    f.hour = c.number(2);
    c.literal(":");
    f.minute = c.number(2);
    c.literal(":");
    f.second = c.number(2);
}

void fixdate(cursor& c, fields& f) noexcept {
    f.day = c.number(2);
    c.literal(" ");
    f.month = c.month();
    c.literal(" ");
    f.year = c.number(4);
    c.literal(" ");
    time_of_day(c, f);
    c.literal(" GMT");
}

void rfc850(cursor& c, fields& f) noexcept {
    f.day = c.number(2);
    c.literal("-");
    f.month = c.month();
    c.literal("-");
    f.year = c.number(2);
    f.year += f.year < 70 ? 2000 : 1900;
    c.literal(" ");
    time_of_day(c, f);
    c.literal(" GMT");
}

void asctime(cursor& c, fields& f) noexcept {
    f.month = c.month();
    c.literal(" ");
    f.day = c.number(2, true);
    c.literal(" ");
    time_of_day(c, f);
    c.literal(" ");
    f.year = c.number(4);
}

bool is_day_name(std::string_view name, bool whole) noexcept {
    constexpr std::string_view whole_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};
    if (whole) return std::ranges::find(whole_names, name) != std::end(whole_names);
    const std::size_t at = day_names.find(name);
    return name.size() == 3 && at != std::string_view::npos && at % 3 == 0;
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text) noexcept {
    const std::size_t comma = text.find(',');
    cursor c{text};
    fields f;
    if (comma == std::string_view::npos) {
        if (!is_day_name(text.substr(0, 3), false)) return std::nullopt;
        c.rest.remove_prefix(3);
        c.literal(" ");
        asctime(c, f);
    } else {
        c.rest.remove_prefix(comma + 1);
        c.literal(" ");
        if (is_day_name(text.substr(0, comma), false)) fixdate(c, f);
        else if (is_day_name(text.substr(0, comma), true)) rfc850(c, f);
        else return std::nullopt;
    }
    using namespace std::chrono;
    const year_month_day date{year{f.year}, month{f.month}, day{static_cast<unsigned>(f.day)}};
    // A leap second is the last one the clock knows, repeated.
    if (c.failed || !c.rest.empty() || !date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
    return sys_days{date}.time_since_epoch().count() * std::int64_t{86'400} + f.hour * 3600 + f.minute * 60 +
           std::min(f.second, 59);
}

}  // namespace fusebox::gateway
