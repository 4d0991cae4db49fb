// The keys of a route, and of the file as a whole.
#include "config/table.hpp"

#include "config/values.hpp"

#include <fusebox/http/field_section.hpp>
#include "routing/router.hpp"

#include <algorithm>
#include <cctype>

namespace fusebox::gateway::config {

namespace {

void to_lower(std::string& text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
}

bool is_host(std::string_view text) {
    return !text.empty() && !route_pattern{.host = std::string{text}}.validate() && !is_old_notation(text);
}
bool is_method(std::string_view text) {
    return is_token(text) &&
           std::none_of(text.begin(), text.end(), [](unsigned char c) { return std::islower(c) != 0; });
}
bool is_protocol(std::string_view text) {
    return is_token(text) && text != "h2c";
}
bool is_header_value(std::string_view text) {
    return text.find_first_of("\r\n") == std::string_view::npos;
}
// The path of a pattern, in the spelling that the paths of requests are brought to before they are compared.
shape_of<std::string> path_text() {
    auto s = single<std::string>(shape::kind::text, "path", "^/[^ ?#]*$", read_path_pattern,
                                 [](const std::string& t) { return t; });
    s.free_text = true;
    return s;
}

shape_of<route_match> match_section() {
    section<route_match> s{"match"};
    s.key("host", &route_match::hosts,
          filled(one_or_many(
              matching("host", "^((\\*\\.)?[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*|\\[[0-9A-Fa-f:.]+\\])$", is_host,
                       "is no host; write example.com, *.example.com for all below it, 192.0.2.7 or [2001:db8::1]"))),
          "Any of these hosts.")
        .key("path", &route_match::path, path_text(), "Exactly this path.")
        .key("path_prefix", &route_match::path_prefix, path_text(), "This path, and all below it.")
        .key("method", &route_match::methods,
             filled(one_or_many(matching("method", "^[!#$%&'*+.^_`|~A-Z0-9-]+$", is_method,
                                         "is no method; write it in capitals, such as GET"))),
             "Any of these methods.")
        .key("header", &route_match::headers,
             filled(map_of(&header_match::name, &header_match::value,
                           matching("text", "", is_header_value, "must be one line"))),
             "All of these headers, each with this value; \"*\" for any.");
    return s
        .finish([](route_match& m) {
            for (auto& host : m.hosts) to_lower(host);
        })
        .validate([](const route_match& m) {
            std::vector<config_error> wrong;
            if (m.path && m.path_prefix)
                wrong.push_back({"path", "unset", "cannot be beside path_prefix; leave out one of the two"});
            for (const auto& h : m.headers)
                if (!is_token(h.name)) wrong.push_back({"header", h.name, "is no name of a header"});
            return wrong;
        });
}

// What both a token (RFC 9110) and an sf-token (RFC 8941) may be.
bool is_pseudonym(std::string_view text) {
    const auto letter = [](unsigned char c) { return std::isalpha(c) != 0; };
    const auto rest = [&](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; };
    return !text.empty() && letter(static_cast<unsigned char>(text.front())) && std::ranges::all_of(text, rest);
}

shape_of<route_configuration> rewrite_section() {
    return section<route_configuration>("rewrite").key("host", &route_configuration::rewrite_host, authority(),
                                                       "The Host that the upstream sees.");
}

shape_of<route_configuration> route_section() {
    using route = route_configuration;
    section<route> s{"route"};
    s.key("name", &route::name, text("name"), "What metrics and logs call it. Made from the match: example.com/api*.")
        .key("match", &route::match, match_section(), "Which requests are its own. All that are left, when empty.")
        .key("upstream", &route::upstream, text("name of an upstream"), "Where they go.")
        .required()
        .key("rewrite", [](auto& r) -> auto& { return r; }, rewrite_section(), "What is changed in them.");
    s.key("timeout", &route::timeout, timeout_section(), "How long things may take.")
        .key("retry", &route::retry, retry_section(), "Another try after a failure.")
        .key("circuit_breaker", &route::circuit_breaker, circuit_breaker_section(), "No calls to what fails anyway.")
        .key("bulkhead", &route::bulkhead, bulkhead_section(), "So many calls at the same time, and no more.")
        .key("rate_limit", &route::rate_limit, rate_limit_section(), "So many calls in so much time.")
        .key("adaptive_limit", &route::adaptive_limit, adaptive_limit_section(), "A bulkhead that finds its own size.")
        .key("throttle", &route::throttle, throttle_section(), "Fewer calls, the more of them are refused.")
        .key("hedge", &route::hedge, hedge_section(), "A second try beside a slow first one.")
        .key("chaos", &route::chaos, chaos_section(), "Faults on purpose.")
        .key("fallback", &route::fallback, fallback_section(), "An answer instead of an error.")
        .key("cache", &route::cache, cache_section(), "Answers kept.")
        .key("outcomes", &route::outcomes, outcomes_section(), "What answers and errors say of the upstream.");
    s.key("upgrade", &route::upgrade,
          one_or_many(matching("protocol", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", is_protocol,
                               "cannot be upgraded to; write a protocol such as websocket (h2c is refused)")),
          "Protocols that a connection may be upgraded to.")
        .key("body_buffer", &route::body_buffer, size_value(),
             "How much of a request's body is kept for another try; a longer one gets no retry.");
    return s.finish([](route& r) {
        for (auto& protocol : r.upgrade) to_lower(protocol);
    });
}

shape_of<admin_configuration> admin_section() {
    return section<admin_configuration>("admin")
        .key("listen", &admin_configuration::listen, address(), "Where the admin API listens.")
        .key("token", &admin_configuration::token, text(),
             "Asked for by all but /livez and /readyz when listen is not a loopback address.")
        .secret()
        .shorthand("listen")
        .validate([](const admin_configuration& a) {
            std::vector<config_error> wrong;
            if (!is_loopback(a.listen) && a.token.empty())
                wrong.push_back(
                    {"token", "unset", "must be set when listen is not a loopback address: anybody could ask"});
            constexpr std::size_t shortest = 6;
            if (!a.token.empty() && a.token.size() < shortest)
                wrong.push_back({"token", "unset", "is guessed at once; write 6 characters or more, 32 at random"});
            if (!std::all_of(a.token.begin(), a.token.end(), [](char c) { return c > ' ' && c <= '~'; }))
                wrong.push_back({"token", "unset",
                                 "has spaces, or other characters that no header can carry to it; write letters, "
                                 "digits and signs of ASCII"});
            return wrong;
        });
}

shape_of<message_limits> limits_section() {
    return section<message_limits>("limits")
        .key("uri", &message_limits::uri, size_value(), "Of the request's target; 414 beyond.")
        .key("head", &message_limits::head, size_value(), "Of the request line and the header; 431 beyond.")
        .key("fields", &message_limits::fields, integer<std::uint32_t>(1, http::head_limits::most_fields),
             "Lines of the header; 431 beyond.")
        .key("response_head", &message_limits::response_head, size_value(),
             "Of a response's status line and header; 502 beyond.")
        .key("response_fields", &message_limits::response_fields,
             integer<std::uint32_t>(1, http::head_limits::most_fields), "Lines of a response's header; 502 beyond.")
        .key("body", &message_limits::body, size_or_none(), "Of the body; 413 beyond.")
        .key("answers", &message_limits::answers, size_value(),
             "Of the answers that a route keeps, by its cache or fallback.stale_if_error.")
        .validate([](const message_limits& l) {
            std::vector<config_error> wrong;
            if (l.answers == 0) wrong.push_back({"answers", "0B", "must be above 0"});
            if (l.uri == 0) wrong.push_back({"uri", "0B", "must be above 0"});
            constexpr std::uint64_t most = http::head_limits::most_bytes;
            const std::string bound = "must be at most " + write_size(most) + ", such as 63KiB: a head is never longer";
            if (l.uri > most) wrong.push_back({"uri", write_size(l.uri), bound});
            if (l.head > most) wrong.push_back({"head", write_size(l.head), bound});
            if (l.response_head > most) wrong.push_back({"response_head", write_size(l.response_head), bound});
            if (l.response_head < 256)
                wrong.push_back({"response_head", write_size(l.response_head), "must be at least 256B"});
            if (l.head < l.uri)
                wrong.push_back(
                    {"head", write_size(l.head), "must be at least uri, " + write_size(l.uri) + ": it holds it"});
            return wrong;
        });
}

shape_of<path_rules> paths_section() {
    return section<path_rules>("paths")
        .key("merge_slashes", &path_rules::merge_slashes, boolean(),
             "Routes take several slashes in a row for one: //admin is /admin.")
        .key("refuse_encoded", &path_rules::refuse_encoded, boolean(),
             "400 for an escaped slash, backslash or dot: %2F, %5C, %2E.")
        .key("refuse_parameters", &path_rules::refuse_parameters, boolean(), "400 for a ; in a path.");
}

template <class T>
shape_of<std::vector<named<T>>> book_of(shape_of<T> policy) {
    return map_of(&named<T>::name, &named<T>::value, std::move(policy));
}

shape_of<policy_book> policies_section() {
    section<policy_book> s{"policies"};
    s.key("timeout", &policy_book::timeout, book_of(timeout_section()), "For routes' timeout.")
        .key("retry", &policy_book::retry, book_of(retry_section()), "For routes' retry.")
        .key("circuit_breaker", &policy_book::circuit_breaker, book_of(circuit_breaker_section()),
             "For routes' circuit_breaker.")
        .key("bulkhead", &policy_book::bulkhead, book_of(bulkhead_section()), "For routes' bulkhead.")
        .key("rate_limit", &policy_book::rate_limit, book_of(rate_limit_section()), "For routes' rate_limit.")
        .key("adaptive_limit", &policy_book::adaptive_limit, book_of(adaptive_limit_section()),
             "For routes' adaptive_limit.")
        .key("throttle", &policy_book::throttle, book_of(throttle_section()), "For routes' throttle.")
        .key("hedge", &policy_book::hedge, book_of(hedge_section()), "For routes' hedge.")
        .key("chaos", &policy_book::chaos, book_of(chaos_section()), "For routes' chaos.")
        .key("fallback", &policy_book::fallback, book_of(fallback_section()), "For routes' fallback.")
        .key("cache", &policy_book::cache, book_of(cache_section()), "For routes' cache.");
    return s;
}

// Of the configuration itself, the member `m`, as an accessor.
#define VALUE(m) [](auto& f) -> auto& { return f.value.m; }

shape file_section() {
    section<file_content> s{"configuration"};
    s.key("listen", VALUE(listen), one_or_many(address()), "Where clients come in.").required();
    s.key("admin", VALUE(admin), admin_section(), "The admin API.")
        .key("upstreams", VALUE(upstreams), upstreams_map(), "What requests are forwarded to, by name.")
        .required()
        .key("routes", VALUE(routes), list_of(route_section()), "Which request goes where, under which policies.")
        .required()
        .key("policies", &file_content::policies, policies_section(),
             "Policies with a name, which a route may give in place of the policy.");
    s.key("limits", VALUE(limits), limits_section(), "Sizes of requests and of responses' heads.")
        .key("paths", VALUE(paths), paths_section(), "How strictly the paths of requests are read.")
        .key("trusted_proxies", VALUE(trusted_proxies), one_or_many(range()), "Whose X-Forwarded-* are believed.")
        .key("keep_underscores", VALUE(keep_underscores), boolean(),
             "Whether fields of others, with _ in their names, go on. Those that look like the proxy's own never do.")
        .key("pseudonym", VALUE(pseudonym),
             matching("name", "^[A-Za-z][A-Za-z0-9_.-]*$", is_pseudonym,
                      "must be a letter, and then letters, digits, _, . and -"),
             "What Via, Forwarded, Proxy-Status and Cache-Status call this gateway. A request that carries it already "
             "is taken for one that came back: gateways in a row have a pseudonym each.")
        .key("access_log", VALUE(access_log), text("stdout, stderr, or a file"), "Where a line for each request goes.")
        .can_be_off([](file_content& f) { f.value.access_log.clear(); },
                    [](const file_content& f) { return f.value.access_log.empty(); })
        .key("log_level", VALUE(log_level),
             choice<log_level>({{"debug", log_level::debug},
                                {"info", log_level::info},
                                {"warning", log_level::warning},
                                {"error", log_level::error}}),
             "What is logged of the gateway itself.")
        .key("shutdown_delay", VALUE(shutdown_delay), duration_value(),
             "How long readiness fails before the gateway stops listening.")
        .key("drain_timeout", VALUE(drain_timeout), duration_value(), "How long requests in flight may then take.");
    return shape_of<file_content>(s);
}

#undef VALUE

}  // namespace

const shape& table() {
    static const shape made = file_section();
    return made;
}

}  // namespace fusebox::gateway::config
