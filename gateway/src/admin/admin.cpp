#include "admin/admin.hpp"

#include <fusebox/http/authority.hpp>

namespace fusebox::gateway {

namespace {

constexpr std::string_view plain = "text/plain; charset=utf-8";
constexpr std::string_view challenge = "WWW-Authenticate: Bearer realm=\"fusebox\"\r\n";
constexpr std::string_view fields = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";

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

// RFC 6750, section 2.1. The scheme is compared without regard to case (RFC 9110, section 11.1).
bool has_token(const http::request_head& request, std::string_view token) noexcept {
    constexpr std::string_view scheme = "Bearer ";
    bool found = false;
    for (std::size_t i = 0; i < request.count(); ++i) {
        const std::string_view value = request.value(i);
        found = found || (http::equal_names(request.name(i), "Authorization") && value.size() > scheme.size() &&
                          http::equal_names(value.substr(0, scheme.size()), scheme) &&
                          equal_secrets(value.substr(scheme.size()), token));
    }
    return found;
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
    const bool knows_token = !configured.token.empty() && has_token(request, configured.token);
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
