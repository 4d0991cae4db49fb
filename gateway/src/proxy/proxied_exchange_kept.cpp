// Answers that the route keeps: given again while they are fresh, and in an error's place.
#include "forwarded_head.hpp"
#include "proxied_exchange.hpp"

#include <fusebox/http/date.hpp>
#include <fusebox/http/gather.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>

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
void add_age(std::string& lines, const kept_answer& kept, std::string_view use, time_point now) {
    using std::chrono::floor, std::chrono::seconds;
    add_number(lines.append("Age: "), floor<seconds>(kept.age(now)).count());
    lines.append("\r\nCache-Status: ").append(pseudonym).append("; ").append(use).append("; ttl=");
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

// What is kept for this request, and fresh enough for it.
std::shared_ptr<const kept_answer> proxied_exchange::fresh_answer() {
    auto kept = cache_asked_.may_be_fresh ? find_kept() : nullptr;
    if (!kept) return nullptr;
    const duration left = kept->terms.fresh_for - (now() - kept->came);
    const bool fresh = left > duration{0} && left >= cache_asked_.min_fresh && kept->age(now()) <= cache_asked_.max_age;
    return fresh ? kept : nullptr;
}

// Before anything is asked of the upstream, or of the policies. True when the request is answered.
bool proxied_exchange::answer_fresh() {
    cache_asked_ = cache_request_of(client_->request());
    if (!route_->configured.cache) return false;
    if (const auto kept = fresh_answer()) {
        route_counts::add(route_->counts[worker_.number()].cache_hits);
        answer_kept(*kept, {}, "hit");
        return true;
    }
    if (!cache_asked_.only_if_cached) return false;
    answer_fixed({504, "nothing is kept for this request\n"}, {});
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
    const auto plan = client_->plan(kept.status, {http::framing::length, kept.body.size()});
    std::string& lines = worker_.scratch_text();
    lines.assign(note);
    add_age(lines, kept, use, now());
    if (get && kept.status != 204) {
        add_number(lines.append("Content-Length: "), static_cast<std::int64_t>(kept.body.size()));
        lines += "\r\n";
    }
    if (plan.close) lines += "Connection: close\r\n";
    if (plan.keep_alive) lines += "Connection: keep-alive\r\n";
    std::string& start = worker_.scratch_line();
    start = "HTTP/1.1 ";
    add_number(start, kept.status);
    start.append(" ").append(http::reason_phrase(kept.status)).append("\r\n");
    http::gather out;
    out.add(start);
    out.add(kept.fields);
    out.add(lines);
    out.end();
    if (plan.body) out.add(kept.body);
    client_->final_response_begins();
    client_->send(out.pieces());
    count_response(kept.status);
    drop_attempts();
    notes_.what = result_->what();
    notes_.response_bytes = plan.body ? kept.body.size() : 0;
    log();
    http::server_connection& client = *client_;
    retire();
    client.response_complete();
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
            for (answer_store* kept : worker_.serves().answers()) kept->forget(answer_key_);
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
    const bool fits = copy_->body.size() + size <= route_->answers->most_bytes_each();
    if (!fits || !route_->answers->reserve(size)) {
        drop_copy();
        return land(fits);
    }
    for (const iovec& p : parts) copy_->body.append(static_cast<const char*>(p.iov_base), p.iov_len);
}

void proxied_exchange::keep_copy() {
    copy_->body.shrink_to_fit();
    const std::size_t reserved = copy_->body.size();
    route_->answers->keep(answer_key_, client_->request(), std::move(copy_));
    route_->answers->release(reserved);
    if (route_->flights) route_->flights->note_kept(answer_key_);
    land(true);
}

void proxied_exchange::drop_copy() noexcept {
    route_->answers->release(copy_->body.size());
    copy_.reset();
}

}  // namespace fusebox::gateway
