// What takes an error's place: the last good answer, else another upstream's, else a fixed one.
#include "exchange/proxied_exchange.hpp"
#include "messages/forwarded_head.hpp"

#include "messages/refusal.hpp"

namespace fusebox::gateway {

namespace {

// What the error was, and where the answer is from.
proxy_status fallback_status(std::string_view pseudonym, const try_result& error, std::string_view from) {
    proxy_status said{.proxy = pseudonym, .error = "", .details = from};
    if (error.by_chaos()) said.error = row_of(incident::injected_fault).error;
    else if (error.what()) said.error = row_of(*error.what()).error;
    else said.received_status = error.status();
    return said;
}

std::string fallback_note(std::string_view pseudonym, const try_result& error, std::string_view from) {
    std::string line = "Proxy-Status: ";
    fallback_status(pseudonym, error, from).append_to(line);
    return line += "\r\n";
}

}  // namespace

// Whether the client would be told of an error now, ours or the upstream's. A limit that the client itself has come
// to is none: it must not be evaded by a fallback.
bool proxied_exchange::has_failed() const noexcept {
    if (result_->by_chaos()) return true;
    if (const auto& what = result_->what()) return row_of(*what).status >= 500;
    return result_->meaning() == outcome::failure;
}

// False when there is nothing to fall back to; then nothing has changed.
bool proxied_exchange::fall_back() {
    if (replaced_ || !has_failed()) return false;
    if (const auto kept = stale_answer()) {
        route_counts::add(route_->counts[thread_.number()].fallbacks[fallback_stale]);
        answer_kept(*kept, fallback_note(thread_.pseudonym(), *result_, "the last good answer"), "hit");
        return true;
    }
    if (route_->spare == nullptr || !repeatable_) return false;
    replaced_ = *result_;
    to_ = route_->spare;
    tried_count_ = 0;
    validated_.reset();  // which is the route's own upstream's
    drop_attempts();
    // The policies' clocks have been stopped: the fallback is outside of them.
    state_.context.set_deadline(saturating_add(now(), route_->configured.timeout.per_try));
    stage_ = stage::trying;
    last_ = &first_;
    first_.start(*result_, state_);
    return true;
}

// The line that a response of the fallback's upstream gets.
std::string proxied_exchange::note_fallback() {
    route_counts::add(route_->counts[thread_.number()].fallbacks[fallback_upstream]);
    return fallback_note(thread_.pseudonym(), *replaced_, "answered by another upstream");
}

void proxied_exchange::answer_then(const fixed_answer& then) {
    route_counts::add(route_->counts[thread_.number()].fallbacks[fallback_fixed]);
    notes_.what = result_->what();
    std::string& lines = thread_.scratch_text();
    own_answer(lines, fallback_status(thread_.pseudonym(), *result_, "a fixed answer"), notes_.request_id());
    answer(then.status, then.content_type, then.body, lines);
}

}  // namespace fusebox::gateway
