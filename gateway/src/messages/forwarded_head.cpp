#include "messages/forwarded_head.hpp"

#include "messages/forwarding.hpp"
#include "messages/trace_context.hpp"

#include <fusebox/http/date.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace fusebox::gateway {

namespace {

constexpr http::field_set rewritten{http::field_id::x_forwarded_for,  http::field_id::x_forwarded_proto,
                                    http::field_id::x_forwarded_host, http::field_id::forwarded,
                                    http::field_id::traceparent,      http::field_id::x_request_id};

std::string_view text(http::http_version v) noexcept {
    return v == http::http_version::v1_0 ? "1.0" : "1.1";
}

}  // namespace

std::optional<std::string_view> head_fields::line(std::string_view name, std::size_t n) const {
    for (std::size_t i = 0; i < head_.count(); ++i)
        if (http::equal_names(head_.name(i), name) && n-- == 0) return head_.value(i);
    return std::nullopt;
}

void forwarded_request(http::gather& out, std::string& lines, std::string& scratch, const http::request_head& head,
                       const onward& how) {
    const head_fields fields{head};
    line_writer add{lines};
    auto without = rewritten;
    if (how.validates) {
        without.insert(http::field_id::if_none_match);
        without.insert(http::field_id::if_modified_since);
    }
    if (how.host) {
        without.insert(http::field_id::host);
        add.add("Host", *how.host);
    } else if (head.authority().empty()) {  // from HTTP/1.0, which need not say
        add.add("Host", how.default_host);
    }
    std::array<char, INET6_ADDRSTRLEN> room{};
    const std::string_view peer = how.client.peer().ip(room);
    const request_origin from{
        .peer = peer, .peer_trusted = is_trusted(peer, how.trusted), .protocol = "http", .host = head.authority()};
    add_forwarding(fields, from, {.host_rewritten = how.host.has_value(), .pseudonym = how.pseudonym}, add, scratch);
    add_via(add, text(head.version()), how.pseudonym, scratch);
    const auto trace = to_text(how.span);
    if (!how.keeps_trace_state) without.insert(http::field_id::tracestate);
    add.add("traceparent", {trace.data(), trace.size()});
    add.add("X-Request-Id", how.request_id);
    if (head.body().kind == http::framing::chunked) add.add("Transfer-Encoding", "chunked");
    if (head.method() == http::method_id::options && head.find(http::field_id::max_forwards)) {
        without.insert(http::field_id::max_forwards);
        char digits[20];
        const auto end = std::to_chars(digits, digits + sizeof digits, hops_left(head).value_or(1) - 1).ptr;
        add.add("Max-Forwards", {digits, end});
    }
    if (how.upgrade) {
        add.add("Connection", "upgrade");
        add.add("Upgrade", *head.find(http::field_id::upgrade));
    }
    // What a stranger says of whom it forwards for is of no worth, however it is called.
    if (!from.peer_trusted) without.insert(http::field_id::x_forwarded_port);
    out.request(head, without,
                from.peer_trusted       ? nullptr
                : how.keeps_underscores ? &is_for_proxies
                                        : &is_for_proxies_or_odd);
    out.add(lines);
    out.end();
}

std::optional<std::uint64_t> hops_left(const http::request_head& head) noexcept {
    std::optional<std::uint64_t> found;
    for (std::size_t i = 0; i < head.count(); ++i) {
        if (head.id(i) != http::field_id::max_forwards) continue;
        const std::string_view digits = head.value(i);
        std::uint64_t hops = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), hops);
        const bool too_large = read.ec == std::errc::result_out_of_range;
        if (found || (read.ec != std::errc{} && !too_large) || read.ptr != digits.data() + digits.size())
            return std::nullopt;
        found = too_large ? most_hops : hops;
    }
    return found.value_or(most_hops);
}

void forwarded_response(http::gather& out, std::string& lines, const http::response_head& head,
                        const http::server_connection::framing_plan& plan, std::string_view note) {
    lines.assign(note);
    line_writer add{lines};
    if (!head.passes(http::field_id::date)) add.add("Date", http::http_date());
    if (plan.chunked) add.add("Transfer-Encoding", "chunked");
    if (head.passes(http::field_id::upgrade)) add.add("Connection", "upgrade");  // of a 426, which may name it
    if (plan.close) add.add("Connection", "close");
    if (plan.keep_alive) add.add("Connection", "keep-alive");
    out.response(head);
    out.add(lines);
    out.end();
}

void own_answer(std::string& lines, const proxy_status& status, std::string_view request_id) {
    lines.assign("Cache-Control: no-store\r\nProxy-Status: ");
    status.append_to(lines);
    lines.append("\r\nX-Request-Id: ").append(request_id).append("\r\n");
}

void forwarded_switch(http::gather& out, const http::response_head& head) {
    out.response(head);
    out.add("Connection: upgrade\r\nUpgrade: ");
    out.add(head.find(http::field_id::upgrade).value_or(""));
    out.add("\r\n");
    out.end();
}

bool upgrade_allowed(const http::request_head& head, const std::vector<std::string>& protocols) noexcept {
    const auto asked = head.find(http::field_id::upgrade);
    return asked && std::ranges::any_of(protocols, [&](const std::string& p) { return http::equal_names(*asked, p); });
}

bool switches_as_asked(const http::request_head& asked, const http::response_head& answered) noexcept {
    const head_fields fields{answered};
    const auto to = fields.line("upgrade", 0);
    const bool is_one = to && !fields.line("upgrade", 1);
    return is_one && http::equal_names(*to, asked.find(http::field_id::upgrade).value_or(""));
}

}  // namespace fusebox::gateway
