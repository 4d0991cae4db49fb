#include "kept/cache_rules.hpp"

#include "text/list_value.hpp"

#include "messages/forwarding.hpp"
#include "text/http_date.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace fusebox::gateway {

namespace {

using http::field_id;

// Seconds as Age and Cache-Control write them; what is beyond a year is a year. Nothing when it is no number.
std::optional<duration> seconds_of(std::string_view text) noexcept {
    constexpr std::int64_t longest = 365 * 86'400;
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    std::int64_t seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    return std::chrono::seconds{read.ec == std::errc{} ? std::min(seconds, longest) : longest};
}

// The directives of Cache-Control that concern us, of all lines.
struct directives {
    bool any = false;
    bool no_store = false;
    bool no_cache = false;
    bool is_private = false;
    bool is_public = false;
    bool must_revalidate = false;
    bool only_if_cached = false;
    std::optional<duration> max_age{}, s_maxage{}, stale_if_error{}, min_fresh{};
};

// Of a number said twice the lesser counts, and none at all is 0: nothing is kept longer than was meant.
void take(std::optional<duration>& into, std::string_view value) noexcept {
    const duration said = seconds_of(value).value_or(duration{0});
    into = into ? std::min(*into, said) : said;
}

directives directives_of(const http::field_section& head) noexcept {
    directives d;
    for (std::size_t i = 0; i < head.count(); ++i) {
        if (head.id(i) != field_id::cache_control) continue;
        d.any = true;
        list_value list{head.value(i)};
        while (const auto member = list.next()) {
            const auto equals = member->find('=');
            const std::string_view name = trimmed(member->substr(0, equals));
            const std::string_view value = equals == member->npos ? "" : trimmed(member->substr(equals + 1));
            const auto is = [&](std::string_view known) { return http::equal_names(name, known); };
            // What is meant for some fields only (no-cache="set-cookie") is taken for the whole.
            if (is("no-store")) d.no_store = true;
            else if (is("no-cache")) d.no_cache = true;
            else if (is("private")) d.is_private = true;
            else if (is("public")) d.is_public = true;
            else if (is("must-revalidate") || is("proxy-revalidate")) d.must_revalidate = true;
            else if (is("only-if-cached")) d.only_if_cached = true;
            else if (is("max-age")) take(d.max_age, value);
            else if (is("s-maxage")) take(d.s_maxage, value);
            else if (is("stale-if-error")) take(d.stale_if_error, value);
            else if (is("min-fresh")) take(d.min_fresh, value);
        }
    }
    return d;
}

// `b` is not negative.
constexpr duration sum(duration a, duration b) noexcept {
    return a > duration::max() - b ? duration::max() : a + b;
}

// Final, and the same for all who ask the same.
constexpr bool is_good(int status) noexcept {
    switch (status) {
        case 200:
        case 203:
        case 204:
        case 300:
        case 301:
        case 308:
        case 404:
        case 410: return true;
        default: return false;
    }
}

// By all, or by what this gateway says to the origin: who asks for the answer again does not know that.
bool varies_by_all(const http::field_section& head) noexcept {
    for (std::size_t i = 0; i < head.count(); ++i) {
        if (head.id(i) != field_id::vary) continue;
        list_value names{head.value(i)};
        while (const auto name = names.next())
            if (*name == "*" || is_decided_here(*name)) return true;
    }
    return false;
}

// Section 4.2.3, but for the time that it took to come.
duration age_of(const http::response_head& answer, std::int64_t wall_seconds) noexcept {
    duration age{0};
    if (const auto said = answer.find(field_id::age)) age = seconds_of(*said).value_or(duration{0});
    const auto date = parse_http_date(answer.find(field_id::date).value_or(""));
    return date && *date < wall_seconds ? std::max<duration>(age, std::chrono::seconds{wall_seconds - *date}) : age;
}

// Section 4.2.1; nothing when the origin does not say.
std::optional<duration> lifetime_of(const http::response_head& answer, const directives& said,
                                    std::int64_t wall_seconds) noexcept {
    if (said.s_maxage) return said.s_maxage;
    if (said.max_age) return said.max_age;
    const auto expires = answer.find(field_id::expires);
    if (!expires) return std::nullopt;
    const auto until = parse_http_date(*expires);
    const auto date = parse_http_date(answer.find(field_id::date).value_or(""));
    constexpr std::int64_t longest = 365 * 86'400;
    return std::chrono::seconds{until ? std::clamp<std::int64_t>(*until - date.value_or(wall_seconds), 0, longest) : 0};
}

}  // namespace

cache_request cache_request_of(const http::request_head& head) noexcept {
    cache_request r;
    if (head.method() != http::method_id::get && head.method() != http::method_id::head) return r;
    if (head.body().kind != http::framing::none || head.upgrade()) return r;
    const directives said = directives_of(head);
    const bool for_origin = head.find(field_id::if_match) || head.find("if-unmodified-since");
    const bool is_part = head.find(field_id::range).has_value();
    const bool no_cache = said.no_cache || (!said.any && head.find("pragma").has_value());
    r.may_keep = !said.no_store && !is_part;
    r.may_be_stale = !said.no_store && !no_cache && !is_part;
    r.may_be_fresh = r.may_be_stale && !for_origin;
    r.may_validate = r.may_keep && !for_origin;
    r.conditional = head.find(field_id::if_none_match) || head.find(field_id::if_modified_since);
    r.credentials = head.find(field_id::authorization) || head.find(field_id::cookie);
    r.only_if_cached = said.only_if_cached;
    r.max_age = said.max_age.value_or(duration::max());
    r.min_fresh = said.min_fresh.value_or(duration{0});
    return r;
}

std::optional<cache_terms> cache_terms_of(const cache_request& asked, const http::response_head& answer,
                                          const route_configuration& route, std::int64_t wall_seconds) noexcept {
    if (!asked.may_keep || !is_good(answer.status())) return std::nullopt;
    const directives said = directives_of(answer);
    if (said.no_store || said.is_private) return std::nullopt;
    // What may only be given once its origin has said that it is still right.
    const bool can_be_validated = route.cache && (answer.find(field_id::etag) || answer.find(field_id::last_modified));
    if (said.no_cache && !can_be_validated) return std::nullopt;
    cache_terms t;
    t.is_public = said.is_public || said.s_maxage;
    if (asked.credentials && !t.is_public) return std::nullopt;
    if (answer.find(field_id::set_cookie) || varies_by_all(answer)) return std::nullopt;

    t.age = age_of(answer, wall_seconds);
    if (said.no_cache) return t;
    const duration usual = route.cache ? route.cache->ttl : duration{0};
    t.fresh_for = lifetime_of(answer, said, wall_seconds).value_or(usual) - t.age;
    t.instead_of_error = std::max(t.fresh_for, duration{0});
    if (!said.must_revalidate && !said.s_maxage) {  // s-maxage says proxy-revalidate, too: section 5.2.2.10
        duration wanted{0};
        if (route.cache) wanted = sum(t.fresh_for, route.cache->stale_for);
        if (route.fallback && route.fallback->stale_if_error)
            wanted = std::max(wanted, *route.fallback->stale_if_error - t.age);
        if (said.stale_if_error) wanted = std::min(wanted, sum(t.fresh_for, *said.stale_if_error));
        t.instead_of_error = std::max(t.instead_of_error, wanted);
    }
    // Without a cache, what is fresh is of use only as long as the route wants it instead of an error.
    if (!route.cache) t.instead_of_error = std::min(t.instead_of_error, *route.fallback->stale_if_error - t.age);
    const bool is_of_use =
        can_be_validated || t.instead_of_error > duration{0} || (route.cache && t.fresh_for > duration{0});
    return is_of_use ? std::optional{t} : std::nullopt;
}

}  // namespace fusebox::gateway
