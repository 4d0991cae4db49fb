#include "kept/validation.hpp"

#include "text/list_value.hpp"

#include "text/http_date.hpp"

#include <fusebox/http/date.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::gateway {

namespace {

using http::field_id;

// They say what the kept body is like, and a 304 has none (RFC 9111, section 3.2).
constexpr http::field_set of_the_body{field_id::content_length, field_id::content_encoding, field_id::content_type,
                                      field_id::content_range};

// Weak comparison: section 8.8.3.2.
constexpr std::string_view opaque(std::string_view tag) noexcept {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    return tag;
}

bool names(const http::request_head& request, std::string_view etag) noexcept {
    for (std::size_t i = 0; i < request.count(); ++i) {
        if (request.id(i) != field_id::if_none_match) continue;
        list_value tags{request.value(i)};
        while (const auto tag = tags.next())
            if (*tag == "*" || (!etag.empty() && opaque(*tag) == opaque(etag))) return true;
    }
    return false;
}

bool replaces(const http::response_head& unchanged, std::string_view name) noexcept {
    for (std::size_t i = 0; i < unchanged.count(); ++i)
        if (!unchanged.dropped(i) && !of_the_body.contains(unchanged.id(i)) &&
            http::equal_names(unchanged.name(i), name))
            return true;
    return false;
}

// The head of the kept answer, with what the 304 says in its place.
std::string merged(const kept_answer& kept, const http::response_head& unchanged) {
    std::string head = "HTTP/1.1 " + std::to_string(kept.status) + " \r\n";
    const bool dated = unchanged.find(field_id::date).has_value();
    std::string_view rest = kept.fields;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find("\r\n") + 2);
        rest.remove_prefix(line.size());
        const std::string_view name = line.substr(0, line.find(':'));
        if (replaces(unchanged, name) || (!dated && http::equal_names(name, "date"))) continue;
        head.append(line);
    }
    for (std::size_t i = 0; i < unchanged.count(); ++i)
        if (!unchanged.dropped(i) && !of_the_body.contains(unchanged.id(i)))
            head.append(unchanged.name(i)).append(": ").append(unchanged.value(i)).append("\r\n");
    if (!dated) head.append("Date: ").append(http::http_date()).append("\r\n");
    return head += "\r\n";
}

}  // namespace

void add_conditions(const kept_answer& kept, field_sink& lines) {
    if (!kept.etag.empty()) lines.add("If-None-Match", kept.etag);
    if (!kept.last_modified.empty()) lines.add("If-Modified-Since", kept.last_modified);
}

// Sections 13.1.2, 13.1.3 and 13.2.2; of what is no 200, a cache does not say that it is unchanged.
bool is_known_to(const http::request_head& request, const kept_answer& kept) noexcept {
    if (kept.status != 200) return false;
    if (request.find(field_id::if_none_match)) return names(request, kept.etag);
    const auto since = parse_http_date(request.find(field_id::if_modified_since).value_or(""));
    const auto modified = parse_http_date(kept.last_modified);
    return since && modified && *modified <= *since;
}

freshened_answer freshened(const kept_answer& kept, const cache_request& asked, const http::request_head& request,
                           const http::response_head& unchanged, const route_configuration& route, time_point now) {
    const auto tag = unchanged.find(field_id::etag);
    if (tag && !kept.etag.empty() && opaque(*tag) != opaque(kept.etag)) return {nullptr, false};
    std::string text = merged(kept, unchanged);
    http::response_head head;
    http::head_limits limits;
    limits.bytes = http::head_limits::most_bytes;
    const bool is_head = request.method() == http::method_id::head;
    if (head.parse(text, {.head = is_head}, limits) != http::parse_status::complete)
        return {std::make_shared<const kept_answer>(kept), false};
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    const auto terms =
        cache_terms_of(asked, head, route, std::chrono::duration_cast<std::chrono::seconds>(wall).count());
    auto fresh = std::make_shared<kept_answer>(request, head, terms.value_or(cache_terms{}), now);
    fresh->body = kept.body;
    return {std::move(fresh), terms.has_value()};
}

}  // namespace fusebox::gateway
