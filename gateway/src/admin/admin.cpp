#include "admin/admin.hpp"

#include <fusebox/http/authority.hpp>

#include <algorithm>
#include <array>
#include <chrono>

namespace fusebox::gateway {

namespace {

constexpr std::string_view plain = "text/plain; charset=utf-8";
constexpr std::string_view challenge = "WWW-Authenticate: Bearer realm=\"fusebox\"\r\n";
constexpr std::string_view fields =
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

bool names_this_machine(std::string_view authority) noexcept {
    const auto a = http::parse_authority(authority);
    return a && (a->kind != http::authority::name || http::equal_names(a->host, "localhost"));
}

// Takes as long whatever the token begins with.
bool equal_secrets(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    unsigned char differs = 0;
    for (std::size_t i = 0; i < a.size(); ++i) differs |= static_cast<unsigned char>(a[i] ^ b[i]);
    return differs == 0;
}

enum class knowledge : unsigned char { none, wrong, right };

// RFC 6750, section 2.1. The scheme is compared without regard to case (RFC 9110, section 11.1).
knowledge token_of(const http::request_head& request, std::string_view token) noexcept {
    constexpr std::string_view scheme = "Bearer ";
    knowledge found = knowledge::none;
    for (std::size_t i = 0; i < request.count(); ++i) {
        const std::string_view value = request.value(i);
        if (!http::equal_names(request.name(i), "Authorization") || value.size() <= scheme.size() ||
            !http::equal_names(value.substr(0, scheme.size()), scheme))
            continue;
        const bool right = equal_secrets(value.substr(scheme.size()), token);
        if (found != knowledge::right) found = right ? knowledge::right : knowledge::wrong;
    }
    return found;
}

// Whether a browser says that another site's page is behind the request. Each field that speaks must agree.
bool is_of_another_site(const http::request_head& request) noexcept {
    constexpr std::string_view ours[] = {"http://", "https://"};
    for (std::size_t i = 0; i < request.count(); ++i) {
        const std::string_view value = request.value(i);
        if (http::equal_names(request.name(i), "Sec-Fetch-Site") && value != "same-origin" && value != "none")
            return true;
        if (!http::equal_names(request.name(i), "Origin")) continue;
        const bool same = std::ranges::any_of(ours, [&](std::string_view scheme) {
            return value.starts_with(scheme) && http::equal_names(value.substr(scheme.size()), request.authority());
        });
        if (!same) return true;
    }
    return false;
}

}  // namespace

http::exchange* admin::serve(http::server_connection& c) {
    const http::request_head& request = c.request();
    const std::string_view path = request.path();
    const auto answer = [&](int status, std::string_view type, std::string_view body, std::string_view more = {}) {
        c.answer(status, type, body, std::string(fields).append(more));
        return nullptr;
    };
    const admin_configuration& configured = from_.serves.configured().admin;
    const bool is_probe = path == "/livez" || path == "/readyz";
    if (is_of_another_site(request)) return answer(403, plain, "pages of other sites may not ask here\n");
    std::array<char, INET6_ADDRSTRLEN> room{};
    const std::string_view peer = c.peer().ip(room);
    const knowledge shown = configured.token.empty() ? knowledge::none : token_of(request, configured.token);
    if (const duration shut = guessed_.shut_for(peer, c.loop().now()); shut > duration{0} && shown != knowledge::none) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(shut).count();
        return answer(429, plain, "too many wrong tokens came from your address; wait\n",
                      "Retry-After: " + std::to_string(seconds) + "\r\n");
    }
    if (shown == knowledge::wrong) guessed_.add(peer, c.loop().now());
    const bool knows_token = shown == knowledge::right;
    if (configured.asks_for_token()) {
        if (!is_probe && !knows_token)
            return answer(401, plain, "send the token of admin.token, as Authorization: Bearer TOKEN\n", challenge);
    } else if (!knows_token && !names_this_machine(request.authority())) {
        return answer(421, plain, "ask by an IP address or as localhost, or send the token: other names are refused\n");
    }
    if (request.method() != http::method_id::get && request.method() != http::method_id::head)
        return answer(405, plain, "this port is for reading: GET\n", "Allow: GET, HEAD\r\n");
    const bool verbose = request.query() == "verbose";
    if (path == "/livez") return answer(200, plain, verbose ? "[+]loop ok\nlivez check passed\n" : "ok\n");
    if (path == "/readyz") {
        if (from_.draining.load(std::memory_order_relaxed))
            return answer(503, plain, verbose ? "[-]serving failed: draining\nreadyz check failed\n" : "draining\n");
        return answer(200, plain, verbose ? "[+]serving ok\nreadyz check passed\n" : "ok\n");
    }
    if (path == "/metrics")
        return answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(from_, c.loop().now()));
    if (path == "/api/v1/snapshot") return answer(200, "application/json", snapshot_json(from_, c.loop().now()));
    return answer(404, plain, "there are /livez, /readyz, /metrics and /api/v1/snapshot\n");
}

void admin::refuse(http::server_connection& c, int status, std::string_view why) {
    c.answer(status, plain, std::string(why) + "\n", fields);
}

}  // namespace fusebox::gateway
