// Answers that the route keeps: given again while they are fresh, and in an error's place.
#include "exchange/proxied_exchange.hpp"
#include "kept/validation.hpp"
#include "messages/forwarded_head.hpp"

#include <fusebox/http/date.hpp>
#include <fusebox/http/gather.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace fusebox::gateway {

namespace {

// What is kept of a URI, in memory that is used again: the same for all spellings of the host.
void name_answer(std::string& key, const http::request_head& request, std::string_view method) {
    key.assign(method).append(" ");
    for (const char c : request.authority()) key += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    const std::string_view target = request.path_and_query();
    if (!target.starts_with('/')) key += '/';
    key.append(target);
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

bool changes_things(http::method_id m) noexcept {
    switch (m) {
        case http::method_id::get:
        case http::method_id::head:
        case http::method_id::options:
        case http::method_id::trace: return false;
        default: return true;
    }
}

}  // namespace

// What is kept for this request, if it may have it at all.
std::shared_ptr<const kept_answer> proxied_exchange::find_kept() {
    name_answer(answer_key_, client_->request(), client_->request().method_text());
    auto kept = route_->answers->find(answer_key_, client_->request());
    if (kept && cache_asked_.credentials && !kept->terms.is_public) kept.reset();
    return kept;
}

bool proxied_exchange::is_fresh_enough(const kept_answer& kept) const noexcept {
    const duration left = kept.terms.fresh_for - (now() - kept.came);
    return left > duration{0} && left >= cache_asked_.min_fresh && kept.age(now()) <= cache_asked_.max_age;
}

// Before anything is asked of the upstream, or of the policies. True when the request is answered.
bool proxied_exchange::answer_fresh() {
    cache_asked_ = cache_request_of(client_->request());
    if (!route_->configured.cache) return false;
    auto kept = cache_asked_.may_validate ? find_kept() : nullptr;
    if (kept && cache_asked_.may_be_fresh && is_fresh_enough(*kept)) {
        route_counts::add(route_->counts[thread_.number()].cache_hits);
        answer_kept(*kept, {}, "hit");
        return true;
    }
    if (!cache_asked_.only_if_cached) {
        if (kept && kept->can_be_validated()) validated_ = std::move(kept);
        return false;
    }
    answer_incident(incident::nothing_kept);
    return true;
}

// In an error's place; null when there is none that may be given.
std::shared_ptr<const kept_answer> proxied_exchange::stale_answer() {
    if (!route_->answers || !cache_asked_.may_be_stale) return nullptr;
    auto kept = find_kept();
    return kept && kept->may_replace_error(now()) ? kept : nullptr;
}

void proxied_exchange::answer_kept(const kept_answer& kept, std::string_view note, std::string_view use) {
    const bool get = client_->request().method() == http::method_id::get;
    const int status = is_known_to(client_->request(), kept) ? 304 : kept.status;
    const auto plan = client_->plan(status, {http::framing::length, kept.body->size()});
    std::string& lines = thread_.scratch_text();
    lines.assign(note);
    add_age(lines, kept, use, thread_.pseudonym(), now());
    if (get && status != 204 && status != 304) {
        add_number(lines.append("Content-Length: "), static_cast<std::int64_t>(kept.body->size()));
        lines += "\r\n";
    }
    if (plan.close) lines += "Connection: close\r\n";
    if (plan.keep_alive) lines += "Connection: keep-alive\r\n";
    std::string& start = thread_.scratch_line();
    start = "HTTP/1.1 ";
    add_number(start, status);
    start.append(" ").append(http::reason_phrase(status)).append("\r\n");
    http::gather out;
    out.add(start);
    out.add(kept.fields);
    out.add(lines);
    out.end();
    if (plan.body) out.add(*kept.body);
    client_->final_response_begins();
    client_->send(out.pieces());
    count_response(status);
    drop_attempts();
    notes_.what = result_->what();
    notes_.response_bytes = plan.body ? kept.body->size() : 0;
    log();
    http::server_connection& client = *client_;
    retire();
    client.response_complete();
}

// The upstream says that what is kept is still right.
void proxied_exchange::answer_validated(attempt& a) {
    const auto old = std::exchange(validated_, nullptr);
    name_answer(answer_key_, client_->request(), client_->request().method_text());
    const auto now_is =
        freshened(*old, cache_asked_, client_->request(), a.upstream().head(), route_->configured, now());
    if (!now_is.answer) {  // it speaks of one that we did not ask about
        route_->answers->forget(answer_key_);
        return a.refuse_answer(incident::response_malformed);
    }
    a.pause();
    state_.context.set_deadline(time_point::max());
    a.stop_clocks();
    (void)a.upstream().read_body([](std::span<const iovec>) {});  // there is none
    end_walk();
    a.settle();
    a.drop(a.upstream().reusable());
    notes_.answered = now();
    route_counts::add(route_->counts[thread_.number()].cache_validated);
    if (now_is.may_be_kept) keep(now_is.answer);
    else route_->answers->forget(answer_key_);
    answer_kept(*now_is.answer, note_race(), "fwd=stale; fwd-status=304");
}

// -- Keeping -----------------------------------------------------------------------------------------

// The answer to a request that changes something makes what was kept of it worthless (RFC 9111, section 4.4); one
// that may be kept is copied while it is relayed.
void proxied_exchange::look_at_answer(const http::response_head& head) {
    const http::request_head& request = client_->request();
    if (changes_things(request.method())) {
        if (head.status() < 200 || head.status() >= 400) return;
        for (const std::string_view method : {"GET", "HEAD"}) {
            name_answer(answer_key_, request, method);
            for (answer_store* kept : thread_.serves().answers()) kept->forget(answer_key_);
        }
        return;
    }
    if (!route_->answers || replaced_) return;
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    const auto terms = cache_terms_of(cache_asked_, head, route_->configured,
                                      std::chrono::duration_cast<std::chrono::seconds>(wall).count());
    if (!terms) return land(head.status() >= 500);  // an error says nothing of the answers that are usual
    name_answer(answer_key_, request, request.method_text());
    copy_ = std::make_shared<kept_answer>(request, head, *terms, now());
    if (!head.passes(http::field_id::date)) copy_->fields.append("Date: ").append(http::http_date()).append("\r\n");
}

void proxied_exchange::copy_body(std::span<const iovec> parts) {
    std::size_t size = 0;
    for (const iovec& p : parts) size += p.iov_len;
    const bool fits = copy_->body->size() + size <= route_->answers->most_bytes_each();
    if (!fits || !route_->answers->reserve(size)) {
        drop_copy();
        return land(fits);
    }
    for (const iovec& p : parts) copy_->body->append(static_cast<const char*>(p.iov_base), p.iov_len);
}

void proxied_exchange::keep_copy() {
    copy_->body->shrink_to_fit();
    const std::size_t reserved = copy_->body->size();
    keep(std::move(copy_));
    route_->answers->release(reserved);
}

void proxied_exchange::keep(std::shared_ptr<const kept_answer> answer) {
    const bool may_be_shared = answer->terms.fresh_for > duration{0};
    route_->answers->keep(answer_key_, client_->request(), std::move(answer));
    if (route_->flights && may_be_shared) route_->flights->note_kept(answer_key_);
    land(may_be_shared);
}

void proxied_exchange::drop_copy() noexcept {
    route_->answers->release(copy_->body->size());
    copy_.reset();
}

}  // namespace fusebox::gateway
