#include "messages/refusal.hpp"

#include <fusebox/http/server_connection.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "text/accepted.hpp"

namespace fusebox::gateway {

namespace {

void append_number(std::string& out, std::uint64_t n) {
    char text[20];
    out.append(text, std::to_chars(text, text + sizeof text, n).ptr);
}

// sf-token and sf-string of RFC 8941, section 3.3.
bool is_sf_token(std::string_view text) noexcept {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !text.empty() && (letter(text.front()) || text.front() == '*') && std::ranges::all_of(text, [&](char c) {
        return letter(c) || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~:/").find(c) != std::string_view::npos;
    });
}

void append_sf_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c >= 0x20 && c <= 0x7e ? c : '?';
    }
    out += '"';
}

void append_json_string(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) out.append("\\u00").append({digits[byte >> 4], digits[byte & 15]});
        else if (c == '"' || c == '\\') out.append({'\\', c});
        else out += c;
    }
    out += '"';
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += ",\"";
    out.append(name).append("\":");
    append_json_string(out, value);
}

void append_member(std::string& out, std::string_view name, std::uint64_t value) {
    out += ",\"";
    out.append(name).append("\":");
    append_number(out, value);
}

void write_problem(const refusal& r, std::optional<std::uint64_t> seconds, std::string& body) {
    const incident_row& row = row_of(r.what);
    const int status = r.effective_status();
    body += R"({"type":"about:blank","title":)";
    append_json_string(body, http::reason_phrase(status));
    append_member(body, "status", static_cast<std::uint64_t>(status));
    append_member(body, "detail", row.title);
    append_member(body, "error", row.name);
    append_member(body, "service", r.upstream);
    append_member(body, "circuit_state", r.circuit_state);
    append_member(body, "details", r.details);
    if (seconds) append_member(body, "retry_after", *seconds);
    append_member(body, "request_id", r.request_id);
    append_member(body, "trace_id", r.trace_id);
    body += "}\n";
}

// Nothing from outside may begin a line of its own.
void append_plain(std::string& out, std::string_view text) {
    for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
}

void write_line(const refusal& r, std::optional<std::uint64_t> seconds, std::string& body) {
    append_number(body, static_cast<std::uint64_t>(r.effective_status()));
    body.append(" ").append(row_of(r.what).title);
    if (!r.details.empty()) append_plain(body += ": ", r.details);
    if (seconds) {
        body += ". Retry in ";
        append_number(body, *seconds);
        body += "s";
    }
    if (!r.request_id.empty()) append_plain(body += ". Request ", r.request_id);
    body += "\n";
}

}  // namespace

void proxy_status::append_to(std::string& out) const {
    if (is_sf_token(proxy)) out += proxy;
    else append_sf_string(out, proxy);
    if (!error.empty()) out.append("; error=").append(error);
    if (received_status != 0) append_number(out += "; received-status=", static_cast<std::uint64_t>(received_status));
    if (!next_hop.empty()) append_sf_string(out += "; next-hop=", next_hop);
    if (!details.empty()) append_sf_string(out += "; details=", details);
}

std::uint64_t retry_after_seconds(duration wait, double unit) noexcept {
    const double seconds = std::max(0.0, double(wait.count()) / 1e9);
    const double spread = std::max(1.0, seconds / 5);
    return static_cast<std::uint64_t>(std::max(1.0, std::ceil(seconds + spread * unit)));
}

body_kind preferred_body(std::string_view accept) noexcept {
    if (accept.empty()) return body_kind::problem_json;
    const int json = std::max(accepted(accept, "application", "problem+json"), accepted(accept, "application", "json"));
    const int text = std::max(accepted(accept, "text", "plain"), accepted(accept, "text", "html"));
    return json == 0 || text > json ? body_kind::text : body_kind::problem_json;
}

void write_refusal(const refusal& r, std::string_view proxy, body_kind kind, double unit, field_sink& fields,
                   std::string& body) {
    const incident_row& row = row_of(r.what);
    const int status = r.effective_status();
    std::optional<std::uint64_t> seconds;
    if (r.retry_after || status == 503 || status == 429)
        seconds = retry_after_seconds(r.retry_after.value_or(duration{0}), unit);

    // The body's memory is lent to the fields first.
    if (!row.error.empty()) {
        body.clear();
        proxy_status{proxy, row.error, r.received_status, r.details, r.next_hop}.append_to(body);
        fields.add("Proxy-Status", body);
    }
    if (seconds) {
        body.clear();
        append_number(body, *seconds);
        fields.add("Retry-After", body);
    }
    fields.add("Cache-Control", "no-store");
    if (!r.request_id.empty()) fields.add("X-Request-Id", r.request_id);
    fields.add("Content-Type", kind == body_kind::text ? "text/plain; charset=utf-8" : "application/problem+json");
    body.clear();
    if (kind == body_kind::text) write_line(r, seconds, body);
    else write_problem(r, seconds, body);
}

}  // namespace fusebox::gateway
