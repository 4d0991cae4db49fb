#include "exchange/kept_part.hpp"

#include "exchange/chunks.hpp"
#include "kept/validation.hpp"

#include <fusebox/http/date.hpp>

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

bool changes_things(http::method_id m) noexcept {
    switch (m) {
        case http::method_id::get:
        case http::method_id::head:
        case http::method_id::options:
        case http::method_id::trace: return false;
        default: return true;
    }
}

std::int64_t wall_seconds() noexcept {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(wall).count();
}

}  // namespace

void kept_part::begin(route_state& route, const http::request_head& request) noexcept {
    route_ = &route;
    request_ = &request;
    if (route.answers) asked_ = cache_request_of(request);
}

// What is kept for this request, if it may have it at all.
std::shared_ptr<const kept_answer> kept_part::find() {
    name_answer(key_, *request_, request_->method_text());
    auto kept = route_->answers->find(key_, *request_);
    if (kept && asked_.credentials && !kept->terms.is_public) kept.reset();
    return kept;
}

bool kept_part::is_fresh_enough(const kept_answer& kept, time_point now) const noexcept {
    const duration left = kept.terms.fresh_for - (now - kept.came);
    return left > duration{0} && left >= asked_.min_fresh && kept.age(now) <= asked_.max_age;
}

event::what_is_kept kept_part::look_up(time_point now) {
    if (!route_->configured.cache) return event::nothing;
    auto kept = asked_.may_validate ? find() : nullptr;
    if (kept && asked_.may_be_fresh && is_fresh_enough(*kept, now)) {
        given_ = std::move(kept);
        return event::fresh;
    }
    if (asked_.only_if_cached) return event::only_kept;
    if (kept && kept->can_be_validated()) validated_ = std::move(kept);
    return route_->flights ? join_flight() : event::nothing;
}

event::what_is_kept kept_part::look_for_stale(time_point now) {
    if (!route_->answers || !asked_.may_be_stale) return event::nothing;
    auto kept = find();
    if (!kept || !kept->may_replace_error(now)) return event::nothing;
    given_ = std::move(kept);
    return event::fresh;
}

bool kept_part::freshen(const http::response_head& unchanged, time_point now) {
    const auto old = std::exchange(validated_, nullptr);
    name_answer(key_, *request_, request_->method_text());
    auto now_is = freshened(*old, asked_, *request_, unchanged, route_->configured, now);
    if (!now_is.answer || !now_is.may_be_kept) route_->answers->forget(key_);
    else keep(now_is.answer);
    given_ = std::move(now_is.answer);
    return given_ != nullptr;
}

// -- Waiting for what another request has gone for ---------------------------------------------------

event::what_is_kept kept_part::join_flight() {
    const bool brings_a_304 = asked_.conditional && !validated_;  // that is its own
    if (!asked_.may_be_fresh || asked_.credentials || brings_a_304) return event::nothing;
    const auto part = route_->flights->join(key_, place_);
    in_flight_ = part != answer_flights::part::none;
    return part == answer_flights::part::waits ? event::wait_for_another : event::nothing;
}

event kept_part::flight_stirred(time_point now) {
    if (!in_flight_) return {};
    const auto part = route_->flights->part_of(place_);
    if (part == answer_flights::part::waits) return {};
    if (part != answer_flights::part::released) return {.kind = event::flight_handed};
    leave_flight();
    auto kept = find();
    const bool fits = kept && is_fresh_enough(*kept, now);
    if (fits) given_ = std::move(kept);
    return {.kind = event::flight_landed, .found = fits ? event::fresh : event::nothing};
}

void kept_part::leave_flight() {
    if (!std::exchange(in_flight_, false)) return;
    if (route_->flights->part_of(place_) == answer_flights::part::leads) route_->flights->hand_over(place_);
    else route_->flights->leave(place_);
}

// Those who wait look for themselves whether the answer is there.
void kept_part::land(bool may_be_kept) {
    if (!std::exchange(in_flight_, false)) return;
    if (route_->flights->part_of(place_) == answer_flights::part::leads) route_->flights->land(place_, may_be_kept);
    else route_->flights->leave(place_);
}

// -- The response ------------------------------------------------------------------------------------

// The answer to a request that changes something makes what was kept of it worthless (RFC 9111, section 4.4); one that
// may be kept is copied while it is relayed.
void kept_part::see(const http::response_head& head, std::span<answer_store* const> all, bool of_spare,
                    time_point now) {
    if (changes_things(request_->method())) {
        if (head.status() < 200 || head.status() >= 400) return;
        for (const std::string_view method : {"GET", "HEAD"}) {
            name_answer(key_, *request_, method);
            for (answer_store* kept : all) kept->forget(key_);
        }
        return;
    }
    if (!route_->answers || of_spare) return;
    const auto terms = cache_terms_of(asked_, head, route_->configured, wall_seconds());
    if (!terms) return land(head.status() >= 500);  // an error says nothing of the answers that are usual
    name_answer(key_, *request_, request_->method_text());
    copy_ = std::make_shared<kept_answer>(*request_, head, *terms, now);
    if (!head.passes(http::field_id::date)) copy_->fields.append("Date: ").append(http::http_date()).append("\r\n");
}

void kept_part::copy(std::span<const iovec> parts) {
    if (!copy_) return;
    const std::size_t size = size_of(parts);
    const bool fits = copy_->body->size() + size <= route_->answers->most_bytes_each();
    if (!fits || !route_->answers->reserve(size)) {
        drop_copy();
        return land(fits);
    }
    for (const iovec& p : parts) copy_->body->append(static_cast<const char*>(p.iov_base), p.iov_len);
}

void kept_part::keep_copy() {
    if (!copy_) return;
    copy_->body->shrink_to_fit();
    const std::size_t reserved = copy_->body->size();
    keep(std::move(copy_));
    route_->answers->release(reserved);
}

void kept_part::keep(std::shared_ptr<const kept_answer> answer) {
    const bool may_be_shared = answer->terms.fresh_for > duration{0};
    route_->answers->keep(key_, *request_, std::move(answer));
    if (route_->flights && may_be_shared) route_->flights->note_kept(key_);
    land(may_be_shared);
}

void kept_part::drop_copy() noexcept {
    route_->answers->release(copy_->body->size());
    copy_.reset();
}

void kept_part::end() noexcept {
    if (copy_) drop_copy();
    land(true);
    given_.reset();
    validated_.reset();
}

}  // namespace fusebox::gateway
