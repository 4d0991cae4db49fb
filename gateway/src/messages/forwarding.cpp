#include "messages/forwarding.hpp"

#include <fusebox/http/field_id.hpp>

#include <algorithm>
#include <array>
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

// By which other proxies tell whom they forward for, and of what it asked them.
constexpr std::string_view others_words[] = {"cf-connecting-ip",
                                             "cf-connecting-ipv6",
                                             "cf-pseudo-ipv4",
                                             "client-ip",
                                             "cluster-client-ip",
                                             "fastly-client-ip",
                                             "fly-client-ip",
                                             "forwarded-for",
                                             "forwarded-for-ip",
                                             "front-end-https",
                                             "real-ip",
                                             "remote-addr",
                                             "true-client-ip",
                                             "x-appengine-user-ip",
                                             "x-azure-clientip",
                                             "x-azure-socketip",
                                             "x-client-ip",
                                             "x-cluster-client-ip",
                                             "x-envoy-external-address",
                                             "x-forwarded",
                                             "x-host",
                                             "x-original-forwarded-for",
                                             "x-original-host",
                                             "x-original-url",
                                             "x-originating-ip",
                                             "x-proxyuser-ip",
                                             "x-real-ip",
                                             "x-remote-addr",
                                             "x-remote-ip",
                                             "x-rewrite-url",
                                             "x-scheme",
                                             "x-true-client-ip",
                                             "x-url-scheme"};
static_assert(std::ranges::is_sorted(others_words));

// A name as an application sees it that takes _ for -.
class plain_name {
public:
    explicit plain_name(std::string_view name) noexcept : size_(std::min(name.size(), room_.size())) {
        std::ranges::transform(name.substr(0, size_), room_.data(), [](char c) { return c == '_' ? '-' : lower(c); });
        odd_ = name.find('_') != std::string_view::npos;
        whole_ = size_ == name.size();
    }
    bool is_odd() const noexcept { return odd_; }
    bool begins(std::string_view with) const noexcept { return text().starts_with(with); }
    bool is_others_word() const noexcept { return whole_ && std::ranges::binary_search(others_words, text()); }
    bool has_id() const noexcept { return whole_ && http::identify(text()) != http::field_id::other; }

private:
    std::string_view text() const noexcept { return {room_.data(), size_}; }

    std::array<char, 32> room_;  // longer than all that are looked for
    std::size_t size_;
    bool odd_, whole_;
};

// "9.9.8.1:41", "[2001:db8::1]:443", "2001:db8::1": the address in it; empty when there is none.
std::string_view address_in(std::string_view element) noexcept {
    const auto is_port = [](std::string_view text) {
        return text.empty() || (text.size() > 1 && text.size() <= 6 && text[0] == ':' &&
                                std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; }));
    };
    std::string_view address = element, rest;
    if (element.starts_with('[')) {
        const std::size_t end = std::min(element.find(']'), element.size() - 1);
        address = element.substr(1, end - 1);
        rest = element.substr(end + 1);
        if (element[end] != ']' || address.find(':') == std::string_view::npos) return {};
    } else if (const std::size_t colon = element.find(':'); colon != element.npos && colon == element.rfind(':')) {
        address = element.substr(0, colon);
        rest = element.substr(colon);
    }
    return is_port(rest) && parse_ip(address) ? address : std::string_view{};
}

}  // namespace

bool is_for_proxies(std::string_view name) noexcept {
    const plain_name plain{name};
    return plain.begins("x-forwarded-") || plain.is_others_word() ||
           (plain.is_odd() && (plain.has_id() || plain.begins("proxy-")));
}

bool is_for_proxies_or_odd(std::string_view name) noexcept {
    return name.find('_') != std::string_view::npos || is_for_proxies(name);
}

bool is_decided_here(std::string_view name) noexcept {
    constexpr http::field_set written{http::field_id::forwarded, http::field_id::traceparent,
                                      http::field_id::tracestate, http::field_id::via, http::field_id::x_request_id};
    return written.contains(http::identify(name)) || is_for_proxies(name);
}

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
            const std::size_t comma = rest.rfind(',');
            const std::string_view said = trimmed(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
            rest = rest.substr(0, comma == std::string_view::npos ? 0 : comma);
            if (said.empty()) continue;
            if (!is_trusted(client, trusted)) return client;
            const std::string_view address = address_in(said);
            if (address.empty()) return client;
            client = address;
        }
    }
    return client;
}

}  // namespace fusebox::gateway
