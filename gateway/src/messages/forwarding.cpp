#include "messages/forwarding.hpp"

#include <algorithm>
#include <cstddef>

#include "text/letter_case.hpp"
#include "text/list_value.hpp"

namespace fusebox::gateway {

namespace {

// A member of Via is "[protocol/]version received-by [comment]".
bool names(std::string_view member, std::string_view pseudonym) noexcept {
    const std::size_t blank = member.find_first_of(" \t");
    if (blank == std::string_view::npos) return false;
    const std::string_view rest = trimmed(member.substr(blank));
    return same_letters(rest.substr(0, rest.find_first_of(" \t")), pseudonym);
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

void append_value(std::string& out, std::string_view value) {
    if (is_token(value)) {
        out += value;
        return;
    }
    out += '"';
    for (const char c : value) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

// All lines of a field as one list, and then whatever the caller appends.
void join_lines(const field_source& request, std::string_view name, std::string& out) {
    for (std::size_t n = 0; const auto line = request.line(name, n); ++n) {
        if (line->empty()) continue;
        if (!out.empty()) out += ", ";
        out += *line;
    }
    if (!out.empty()) out += ", ";
}

// What a trusted peer said, or what we see.
std::string_view kept_or(const field_source& request, const request_origin& from, std::string_view name,
                         std::string_view otherwise) {
    const auto said = from.peer_trusted ? request.line(name, 0) : std::nullopt;
    return said && !said->empty() ? *said : otherwise;
}

void append_element(std::string& out, const request_origin& from, const forwarding_options& options) {
    const bool v6 = from.peer.find(':') != std::string_view::npos;
    out += "for=";
    if (v6) out.append("\"[").append(from.peer).append("]\"");
    else append_value(out, from.peer);
    if (!from.host.empty()) {
        out += ";host=";
        append_value(out, from.host);
    }
    out += ";proto=";
    append_value(out, from.protocol);
    out.append(";by=_").append(options.pseudonym);
}

}  // namespace

bool has_been_at(const field_source& request, std::string_view pseudonym) noexcept {
    for (std::size_t n = 0; const auto line = request.line("via", n); ++n) {
        list_value members(*line);
        while (const auto member = members.next())
            if (names(*member, pseudonym)) return true;
    }
    return false;
}

void add_via(field_sink& out, std::string_view version, std::string_view pseudonym, std::string& scratch) {
    scratch.assign(version).append(" ").append(pseudonym);
    out.add("Via", scratch);
}

void add_forwarding(const field_source& request, const request_origin& from, const forwarding_options& options,
                    field_sink& out, std::string& scratch) {
    scratch.clear();
    if (from.peer_trusted) join_lines(request, "x-forwarded-for", scratch);
    scratch += from.peer;
    out.add("X-Forwarded-For", scratch);

    out.add("X-Forwarded-Proto", kept_or(request, from, "x-forwarded-proto", from.protocol));
    const std::string_view host =
        kept_or(request, from, "x-forwarded-host", options.host_rewritten ? from.host : std::string_view{});
    if (!host.empty()) out.add("X-Forwarded-Host", host);

    // Where somebody has begun the standard field, a gap in it would be wrong.
    if (!request.line("forwarded", 0)) return;
    scratch.clear();
    if (from.peer_trusted) join_lines(request, "forwarded", scratch);
    append_element(scratch, from, options);
    out.add("Forwarded", scratch);
}

bool is_trusted(std::string_view address, std::span<const address_range> trusted) noexcept {
    if (trusted.empty()) return false;
    const auto bytes = parse_ip(address);
    return bytes && std::ranges::any_of(trusted, [&](const address_range& r) { return r.contains(*bytes); });
}

std::string_view client_address(const field_source& request, std::string_view peer,
                                std::span<const address_range> trusted) noexcept {
    std::string_view client = peer;
    std::size_t lines = 0;
    while (request.line("x-forwarded-for", lines)) ++lines;
    while (lines-- > 0) {
        std::string_view rest = *request.line("x-forwarded-for", lines);
        while (!rest.empty()) {
            if (!is_trusted(client, trusted)) return client;
            const std::size_t comma = rest.rfind(',');
            const std::string_view said = trimmed(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
            rest = rest.substr(0, comma == std::string_view::npos ? 0 : comma);
            if (!parse_ip(said)) return client;
            client = said;
        }
    }
    return client;
}

}  // namespace fusebox::gateway
