// The way back: responses relayed, and answers of our own.
#include "exchange/proxied_exchange.hpp"
#include "messages/forwarded_head.hpp"

#include "messages/refusal.hpp"

#include <algorithm>
#include <utility>

namespace fusebox::gateway {

namespace {

void add_parts(http::gather& out, std::span<const iovec> parts, const http::chunk_line* line) {
    if (line != nullptr) out.add(line->text());
    for (const iovec& p : parts) out.add({static_cast<const char*>(p.iov_base), p.iov_len});
    if (line != nullptr) out.add("\r\n");
}

std::size_t size_of(std::span<const iovec> parts) noexcept {
    std::size_t size = 0;
    for (const iovec& p : parts) size += p.iov_len;
    return size;
}

}  // namespace

// A response's interim ones, as far as the client may have them. None once several attempts could send them.
void proxied_exchange::relay_interim(const http::response_head& head) {
    if (client_->request().version() != http::http_version::v1_1 || (race_ && race_->running() > 1)) return;
    interim_sent_ = true;
    http::gather out;
    out.response(head);
    out.end();
    client_->send(out.pieces());
}

void proxied_exchange::upstream_stirred() {
    if (stage_ == stage::relaying) relay_body();
    else if (stage_ == stage::tunnelling) relay_tunnel();
}

void proxied_exchange::relay_head(const http::response_head& head) {
    stage_ = stage::relaying;
    state_.context.set_deadline(time_point::max());  // the policies' clocks stop here
    last_->stop_clocks();
    watch_trial();
    const auto plan = client_->plan(head.status(), head.body());
    chunked_ = plan.chunked;
    http::gather out;
    std::string& lines = thread_.scratch_text();
    const std::string note = replaced_ ? note_fallback() : note_race();
    forwarded_response(out, lines, head, plan, note);
    client_->final_response_begins();
    count_response(head.status());
    if (!thread_.serves().answers().empty()) look_at_answer(head);
    notes_.answered = now();
    // What came with the head goes out with it.
    bool sent = false;
    const auto status = last_->upstream().read_body([&](std::span<const iovec> parts) {
        const http::chunk_line line{size_of(parts)};
        if (copy_) copy_body(parts);
        notes_.response_bytes += size_of(parts);
        if (sent) out = {};
        sent = true;
        add_parts(out, parts, chunked_ ? &line : nullptr);
        client_->send(out.pieces());
    });
    if (!sent) client_->send(out.pieces());
    go_on_relaying(status);
}

void proxied_exchange::relay_body() {
    if (client_->unsent() > 0) return last_->pause();
    go_on_relaying(http::body_status::more);
}

void proxied_exchange::go_on_relaying(http::body_status status) {
    while (status == http::body_status::more && client_->unsent() == 0) {
        status = last_->upstream().read_body([this](std::span<const iovec> parts) {
            const http::chunk_line line{size_of(parts)};
            if (copy_) copy_body(parts);
            notes_.response_bytes += size_of(parts);
            http::gather out;
            add_parts(out, parts, chunked_ ? &line : nullptr);
            client_->send(out.pieces());
        });
    }
    switch (status) {
        case http::body_status::more: return last_->pause();  // the client's turn: its slowness is not the origin's
        case http::body_status::blocked:
            if (client_->unsent() > 0) return last_->pause();
            return last_->await_more(route_->configured.timeout.idle);
        case http::body_status::complete:
            if (chunked_) send_last_chunk();
            return relayed(true);
        default: return relayed(false);
    }
}

void proxied_exchange::send_last_chunk() {
    const http::trailer_section* trailers = last_->upstream().trailers();
    if (trailers == nullptr || !client_->request().accepts_trailers()) {
        client_->send(http::last_chunk);
        return;
    }
    http::gather out;
    out.add("0\r\n");
    out.fields(*trailers);
    out.end();
    client_->send(out.pieces());
}

// The response's body has ended; `whole` or not.
void proxied_exchange::relayed(bool whole) {
    last_->pause();
    if (copy_ && whole) keep_copy();
    if (!whole && !walk_done_) last_->result().failed(incident::response_incomplete, false, now() - last_->began());
    end_walk();
    last_->settle();
    last_->drop(whole && last_->upstream().reusable());
    if (!whole) notes_.what = incident::response_incomplete;
    log();
    http::server_connection& client = *client_;
    retire();
    if (whole) client.response_complete();
    else client.abort();
}

// A trial must not last as long as a stream may: its lease would run out, which counts as a failure, and a healthy
// upstream would never be believed. Half of it is for the body to break off in; after that the head has decided.
void proxied_exchange::watch_trial() {
    if (!last_->is_trial()) return;
    duration lease = to_->configured.options.ejection.trial_lease;
    if (const auto& breaker = route_->configured.circuit_breaker; breaker && breaker->options.trial_lease > duration{0})
        lease = std::min(lease, breaker->options.trial_lease);
    arm(saturating_add(last_->began(), lease / 2));
}

void proxied_exchange::settle_trial() {
    if (!walk_done_ && !route_->has_inner()) walk_->tell_breakers();
    last_->settle_trial();
}

// The policies hear how the answered request ended.
void proxied_exchange::end_walk() {
    if (walk_done_) return;
    if (route_->has_inner()) {
        (void)last_->leave(cancel_cause::none);
        *result_ = last_->result();
    }
    detail::command c = walk_->ended(cancel_cause::none);
    while (c.kind != detail::command::done) c = walk_->interrupt();
    walk_done_ = true;
}

// -- Upgrades ----------------------------------------------------------------------------------------

void proxied_exchange::begin_tunnel() {
    const http::response_head& head = last_->upstream().head();
    state_.context.set_deadline(time_point::max());
    last_->stop_clocks();
    end_walk();
    last_->settle();
    stage_ = stage::tunnelling;
    http::gather out;
    forwarded_switch(out, head);
    client_->final_response_begins();
    client_->send(out.pieces());
    count_response(101);
    client_->begin_tunnel();
    last_->upstream().begin_tunnel();
    relay_tunnel();
}

// Whatever stirs, on either side, begins the idle time anew.
void proxied_exchange::relay_tunnel() {
    last_->await_more(route_->configured.timeout.idle);
    auto down = http::body_status::more, up = http::body_status::more;
    (void)last_->upstream().flush();
    while (down == http::body_status::more && client_->unsent() == 0)
        down = last_->upstream().read_body([this](std::span<const iovec> parts) {
            notes_.response_bytes += size_of(parts);
            client_->send(parts);
        });
    while (up == http::body_status::more && last_->upstream().unsent() == 0)
        up = client_->read_body([this](std::span<const iovec> parts) {
            body_size_ += size_of(parts);
            (void)last_->upstream().send(parts);
        });
    if (up == http::body_status::complete && last_->upstream().unsent() == 0) last_->upstream().finish_writing();
    if (down == http::body_status::complete) return relayed(true);
    if (down == http::body_status::truncated || up == http::body_status::truncated || last_->upstream().gone())
        return relayed(false);
}

// -- Answers of our own ------------------------------------------------------------------------------

// `why` where no policy says it better.
void proxied_exchange::answer_incident(incident what, std::optional<int> status, std::string_view why) {
    const auto& refused = result_->refusal();
    std::string details{why};
    refusal r{.what = what, .upstream = route_->configured.upstream, .status = status};
    r.request_id = notes_.request_id();
    r.trace_id = notes_.trace_id();
    if (refused && is_refusal(refused->code)) {
        details = refused->message();
        r.retry_after = refused->retry_after;
        if (const auto* breaker = breaker_of_request(); breaker != nullptr && what == incident::circuit_open) {
            r.circuit_state = to_string(breaker->state());
            // Where endpoints are is nobody's business outside, and it is all of theirs that refuse.
            const bool of_endpoint = route_->configured.circuit_breaker->scope.per == breaker_scope::kind::endpoint;
            details.insert(0, "breaker " + (of_endpoint ? route_->configured.upstream : breaker->name()) + ": ");
        }
    }
    r.details = details;
    const auto text = thread_.explain(*client_, r);
    const bool counted = !result_->refusal() && result_->what() == what;  // by the try that it happened to
    if (!counted) count(what);
    notes_.what = what;
    answer(r.effective_status(), {}, text.body, text.fields);
}

void proxied_exchange::answer(int status, std::string_view content_type, std::string_view body,
                              std::string_view fields) {
    http::server_connection& client = *client_;
    count_response(status);
    drop_attempts();
    notes_.response_bytes = client.request().method() == http::method_id::head ? 0 : body.size();
    log();
    retire();
    client.answer(status, content_type, body, fields);
}

}  // namespace fusebox::gateway
