#include "admin.hpp"

#include <fusebox/http/authority.hpp>

namespace fusebox::gateway {

namespace {

constexpr std::string_view plain = "text/plain; charset=utf-8";
constexpr std::string_view fields = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";

bool names_this_machine(std::string_view authority) noexcept {
    const auto a = http::parse_authority(authority);
    return a && (a->kind != http::authority::name || http::equal_names(a->host, "localhost"));
}

}  // namespace

http::exchange* admin::serve(http::server_connection& c) {
    const http::request_head& request = c.request();
    const std::string_view path = request.path();
    const auto answer = [&](int status, std::string_view type, std::string_view body) {
        c.answer(status, type, body, fields);
        return nullptr;
    };
    if (!names_this_machine(request.authority()))
        return answer(421, plain, "ask by an IP address or as localhost: other names are refused\n");
    if (request.method() != http::method_id::get && request.method() != http::method_id::head)
        return answer(405, plain, "this port is for reading: GET\n");
    const bool verbose = request.query() == "verbose";
    if (path == "/livez") return answer(200, plain, verbose ? "[+]loop ok\nlivez check passed\n" : "ok\n");
    if (path == "/readyz") {
        if (from_.draining.load(std::memory_order_relaxed))
            return answer(503, plain, verbose ? "[-]serving failed: draining\nreadyz check failed\n" : "draining\n");
        return answer(200, plain, verbose ? "[+]serving ok\nreadyz check passed\n" : "ok\n");
    }
    if (path == "/metrics") return answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(from_));
    if (path == "/api/v1/snapshot") return answer(200, "application/json", snapshot_json(from_, c.loop().now()));
    return answer(404, plain, "there are /livez, /readyz, /metrics and /api/v1/snapshot\n");
}

void admin::refuse(http::server_connection& c, int status, std::string_view why) {
    c.answer(status, plain, std::string(why) + "\n", fields);
}

}  // namespace fusebox::gateway
