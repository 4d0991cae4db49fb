#include "exchange/own_answer.hpp"

#include "kept/validation.hpp"
#include "messages/forwarded_head.hpp"
#include "messages/refusal.hpp"

#include <fusebox/http/gather.hpp>

#include <charconv>
#include <chrono>

namespace fusebox::gateway {

namespace {

proxy_status fallback_status(std::string_view pseudonym, const attempt_result& error, std::string_view from) {
    proxy_status said{.proxy = pseudonym, .error = "", .details = from};
    if (error.by_chaos()) said.error = row_of(incident::injected_fault).error;
    else if (error.what()) said.error = row_of(*error.what()).error;
    else said.received_status = error.status();
    return said;
}

std::string line_of(const proxy_status& said) {
    std::string line = "Proxy-Status: ";
    said.append_to(line);
    return line += "\r\n";
}

void add_number(std::string& lines, std::int64_t n) {
    char digits[24];
    lines.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

// Age, and Cache-Status (RFC 9211), whose time to live is negative once the answer is stale.
void add_age(std::string& lines, const kept_answer& kept, std::string_view use, std::string_view by, time_point now) {
    using std::chrono::floor, std::chrono::seconds;
    add_number(lines.append("Age: "), floor<seconds>(kept.age(now)).count());
    lines.append("\r\nCache-Status: ").append(by).append("; ").append(use).append("; ttl=");
    add_number(lines, floor<seconds>(kept.terms.fresh_for - (now - kept.came)).count());
    lines += "\r\n";
}

void send_kept(const own_answer_parts& p, const kept_answer& kept, std::string_view note, std::string_view use) {
    http::server_connection& client = p.client;
    thread_resources& thread = p.thread;
    const bool get = client.request().method() == http::method_id::get;
    const int status = is_known_to(client.request(), kept) ? 304 : kept.status;
    const auto plan = client.plan(status, {http::framing::length, kept.body->size()});
    std::string& lines = thread.scratch_text();
    lines.assign(note);
    add_age(lines, kept, use, thread.pseudonym(), thread.loop().now());
    if (get && status != 204 && status != 304) {
        add_number(lines.append("Content-Length: "), static_cast<std::int64_t>(kept.body->size()));
        lines += "\r\n";
    }
    if (plan.close) lines += "Connection: close\r\n";
    if (plan.keep_alive) lines += "Connection: keep-alive\r\n";
    std::string& start = thread.scratch_line();
    start = "HTTP/1.1 ";
    add_number(start, status);
    start.append(" ").append(http::reason_phrase(status)).append("\r\n");
    http::gather out;
    out.add(start);
    out.add(kept.fields);
    out.add(lines);
    out.end();
    if (plan.body) out.add(*kept.body);
    client.final_response_begins();
    client.send(out.pieces());
    p.record.response(status);
    p.record.notes.response_bytes = plan.body ? kept.body->size() : 0;
}

void send_text(const own_answer_parts& p, int status, std::string_view type, std::string_view body,
               std::string_view fields) {
    p.record.response(status);
    p.record.notes.response_bytes = p.client.request().method() == http::method_id::head ? 0 : body.size();
    p.client.send_answer(status, type, body, fields);
}

void give_kept(const action& a, const own_answer_parts& p) {
    const std::string_view pseudonym = p.thread.pseudonym();
    p.record.notes.what = p.machine.result().what();
    switch (a.given) {
        case given_answer::fresh: p.record.count_hit(); return send_kept(p, *p.kept.given(), {}, "hit");
        case given_answer::shared:
            p.record.count_shared();
            return send_kept(p, *p.kept.given(), {}, "fwd=uri-miss; collapsed");
        case given_answer::validated:
            p.record.count_validated();
            p.record.notes.answered = p.thread.loop().now();
            return send_kept(p, *p.kept.given(), note_race(pseudonym, a.attempt, p.machine.raced()),
                             "fwd=stale; fwd-status=304");
        case given_answer::stale:
            p.record.count_fallback(fallback_stale);
            return send_kept(p, *p.kept.given(), note_fallback(pseudonym, p.machine.result(), "the last good answer"),
                             "hit");
    }
}

void give_fixed(const own_answer_parts& p) {
    const fixed_answer& then = *p.route.fallback->then;
    const request_notes& notes = p.record.notes;
    p.record.count_fallback(fallback_fixed);
    p.record.notes.what = p.machine.result().what();
    std::string& lines = p.thread.scratch_text();
    own_answer(lines, fallback_status(p.thread.pseudonym(), p.machine.result(), "a fixed answer"), notes.request_id());
    send_text(p, then.status, then.content_type, then.body, lines);
}

// Where no policy says it better.
std::string_view reason_of(incident what, const http::server_connection& client) {
    switch (what) {
        case incident::client_slow: return "the body of the request came too slowly";
        case incident::client_malformed: return sentence(client.body_error());
        case incident::request_too_large: return too_large_body;
        default: return {};
    }
}

void refuse(incident what, const own_answer_parts& p) {
    const attempt_result& result = p.machine.result();
    std::string details{reason_of(what, p.client)};
    refusal said{.what = what, .upstream = p.route.upstream};
    if (what == incident::injected_fault) said.status = p.route.chaos->fault_status;
    said.request_id = p.record.notes.request_id();
    said.trace_id = p.record.notes.trace_id();
    if (const auto& refused = result.refusal(); refused && is_refusal(refused->code)) {
        details = refused->message();
        said.retry_after = refused->retry_after;
        if (const auto* breaker = p.machine.breaker(); breaker != nullptr && what == incident::circuit_open) {
            said.circuit_state = to_string(breaker->state());
            // Where endpoints are is nobody's business outside, and it is all of theirs that refuse.
            const bool of_endpoint = p.route.circuit_breaker->scope.per == breaker_scope::kind::endpoint;
            details.insert(0, "breaker " + (of_endpoint ? p.route.upstream : breaker->name()) + ": ");
        }
    }
    said.details = details;
    const bool counted = !result.refusal() && result.what() == what;  // by the attempt that it happened to
    if (!counted) p.record.count(what);
    p.record.notes.what = what;
    const auto text = p.thread.explain(p.client, said);
    send_text(p, said.effective_status(), {}, text.body, text.fields);
}

}  // namespace

std::string note_fallback(std::string_view pseudonym, const attempt_result& error, std::string_view from) {
    return line_of(fallback_status(pseudonym, error, from));
}

std::string note_race(std::string_view pseudonym, std::uint32_t winner, std::uint32_t attempts) {
    if (attempts == 1) return {};
    const std::string details = "attempt " + std::to_string(winner) + " of " + std::to_string(attempts) + " answered";
    return line_of({.proxy = pseudonym, .error = {}, .details = details});
}

void give(const action& a, const own_answer_parts& parts) {
    switch (a.kind) {
        case action::give_kept: return give_kept(a, parts);
        case action::give_fixed: return give_fixed(parts);
        default: return refuse(a.why, parts);
    }
}

}  // namespace fusebox::gateway
