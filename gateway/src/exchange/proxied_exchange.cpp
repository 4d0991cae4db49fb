#include "exchange/proxied_exchange.hpp"

#include "exchange/own_answer.hpp"
#include "messages/forwarded_head.hpp"
#include "messages/request_text.hpp"
#include "text/policy_key.hpp"

#include <fusebox/http/gather.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace fusebox::gateway {

proxied_exchange::proxied_exchange(thread_resources& lends, exchange_owner& owner) : thread_(lends), owner_(owner) {
    (void)track_of(1);
}

http::exchange* proxied_exchange::begin(http::server_connection& client, route_state& route) {
    const std::uint32_t mine = serial_.load(std::memory_order_relaxed);
    const http::request_head& head = client.request();
    now_ = {.client = &client, .route = &route, .to = route.to};
    record_.begin(client, route);
    body_.begin(thread_.serves().configured().limits.body, route.configured.body_buffer);
    kept_.begin(route, head);
    choice_.begin(client, *route.to);
    act(machine_.begin(route, {http::is_idempotent(head.method()), head.upgrade(), client.body_complete()}, now()));
    return serial_.load(std::memory_order_relaxed) == mine ? this : nullptr;
}

// -- What happens ------------------------------------------------------------------------------------

void proxied_exchange::hear(event e) {
    if (now_.acting) pending_.push_back(std::move(e));
    else act(machine_.resume(e, now()));
}

void proxied_exchange::act(action a) {
    now_.acting = true;
    for (std::size_t heard = 0; a.kind != action::over;) {
        if (a.kind != action::none) perform(a);
        if (heard < pending_.size()) a = machine_.resume(event{std::move(pending_[heard++])}, now());
        else if (a.kind == action::none) break;
        else a = machine_.resume({}, now());
    }
    pending_.clear();
    now_.acting = false;
    if (a.kind == action::over) end();
}

proxied_exchange::track& proxied_exchange::track_of(std::uint32_t number) {
    while (tracks_.size() < number)
        tracks_.push_back(std::make_unique<track>(*this, thread_, static_cast<std::uint32_t>(tracks_.size()) + 1));
    return *tracks_[number - 1];
}

// From any thread.
void proxied_exchange::woken(std::uint32_t number) noexcept {
    boost::asio::post(thread_.io(), [this, number, mine = serial_.load(std::memory_order_relaxed)] {
        if (serial_.load(std::memory_order_relaxed) != mine) return;
        event e{};
        if (number == 0) e = kept_.flight_stirred(now());
        if (e.kind == event::next) e = {.kind = event::granted, .attempt = number};
        hear(std::move(e));
    });
}

void proxied_exchange::client_ready() {
    if (now_.relaying) return go_on(relay_.go_on());
    const std::uint32_t mine = serial_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < tracks_.size() && serial_.load(std::memory_order_relaxed) == mine && !now_.relaying;
         ++i)
        tracks_[i]->attempt.client_ready();
}

void proxied_exchange::client_lost(loss why) {
    const bool slow = why != loss::client_gone && why != loss::shut_down;
    const bool may_be_told = why == loss::body_slow && !now_.client->response_begun();
    if (!may_be_told) now_.lost = slow ? incident::client_slow : incident::client_gone;
    hear({.kind = event::client_lost, .why = may_be_told ? incident::client_slow : incident::client_gone});
}

// The body of the request cannot be read to its end: that is the client's own doing.
void proxied_exchange::request_broken(incident why) {
    if (why == incident::client_slow) return now_.client->body_late();
    if (why == incident::client_malformed && now_.client->body_error() == http::parse_errc::none) {
        why = incident::client_gone;
        now_.lost = why;
        now_.last = farewell::fail_body;
    }
    hear({.kind = event::client_lost, .why = why});
}

void proxied_exchange::answered(attempt& a, attempt_report how) {
    const bool unchanged = how.status == 304 && kept_.validated() != nullptr;
    if (unchanged && !kept_.freshen(a.connection().head(), now())) {  // it speaks of one that we did not ask about
        how.what = incident::response_malformed;
        return failed(a, how);
    }
    if (unchanged) (void)a.connection().read_body([](std::span<const iovec>) {});  // there is none
    record_.attempt_ended(how);
    hear({.kind = event::answered, .attempt = a.number, .report = how, .unchanged = unchanged});
}

void proxied_exchange::failed(attempt& a, const attempt_report& how) {
    record_.attempt_ended(how);
    hear({.kind = event::failed, .attempt = a.number, .report = how});
}

// As far as the client may have them. None once several attempts could send them.
void proxied_exchange::interim(attempt& a) {
    if (now_.client->request().version() != http::http_version::v1_1 || machine_.running() > 1) return;
    http::gather out;
    out.response(a.connection().head());
    out.end();
    now_.client->send(out.pieces());
    hear({.kind = event::interim_relayed});
}

void proxied_exchange::stirred(attempt& a) {
    if (now_.relaying && a.number == machine_.answering()) go_on(relay_.go_on());
}

void proxied_exchange::silent(attempt& a) {
    if (now_.relaying && a.number == machine_.answering()) go_on(response_relay::state::cut);
}

// -- What is to be done ------------------------------------------------------------------------------

void proxied_exchange::perform(const action& a) {
    switch (a.kind) {
        case action::look_up: return hear({.kind = event::looked_up, .found = kept_.look_up(now())});
        case action::look_for_stale: return hear({.kind = event::stale_found, .found = kept_.look_for_stale(now())});
        case action::leave_flight: return kept_.leave_flight();
        case action::wait: return wait(waiting_of(a.attempt).timer, a.at);
        case action::choose: return choose(track_of(a.attempt).attempt);
        case action::ask: return ask(track_of(a.attempt).attempt);
        case action::settle: return track_of(a.attempt).attempt.settle(a.how);
        case action::settle_trial: return track_of(a.attempt).attempt.settle_trial(a.how);
        case action::lose: record_.count(incident::hedge_lost); [[fallthrough]];
        case action::rest: return rest(a.attempt);
        case action::switch_upstream:
            now_.to = now_.route->spare;
            kept_.forget_validated();
            return choice_.begin(*now_.client, *now_.to);
        case action::relay:
        case action::tunnel: return relay(track_of(a.attempt).attempt, a.kind == action::tunnel);
        case action::give_kept:
        case action::give_fixed:
        case action::refuse:
            now_.last = farewell::complete;
            return give(a, {*now_.client, thread_, now_.route->configured, machine_, kept_, record_});
        case action::finish: return track_of(a.attempt).attempt.finish(a.how == verdict::success);
        case action::none:
        case action::over: return;
    }
}

void proxied_exchange::wait(http::deadline& timer, time_point until) {
    if (until == time_point::max()) timer.disarm();
    else thread_.loop().arm(timer, until);
}

// The route's policies, with the request's own in their places: those of its key.
std::span<const pipeline_part> proxied_exchange::policies() {
    if (!now_.policies.empty()) return now_.policies;
    const route_state& route = *now_.route;
    now_.policies = route.policies.parts();
    if (!route.breaker_of && !route.limit_of) return now_.policies;
    own_row_.assign(now_.policies.begin(), now_.policies.end());
    const auto key_by = [this](const request_key& by) {
        return request_text(by, *now_.client, thread_.serves().configured(), thread_.scratch_line());
    };
    if (route.limit_of)
        own_row_[route.limit_at] = route.limit_of(policy_key{key_by(*route.configured.rate_limit->per)}.text());
    if (route.breaker_of) {
        const std::string& header = route.configured.circuit_breaker->scope.header;
        const policy_key key{key_by({request_key::source::header, header})};
        own_row_[route.breaker_at] = route.breaker_of->get(key.text());
    }
    return now_.policies = own_row_;
}

void proxied_exchange::choose(attempt& a) {
    auto picked = choice_.pick_guarded(a.number == 1);
    a.lease(std::move(picked.lease));
    hear({.kind = event::chosen, .attempt = a.number, .breaker = std::move(picked.breaker)});
}

void proxied_exchange::ask(attempt& a) {
    record_.attempt_began(a.number);
    const route_state& route = *now_.route;
    if (!route.chooses_first || now_.to != route.to) a.lease(choice_.pick(a.number == 1));
    a.start({.client = now_.client,
             .route = &route.configured,
             .to = now_.to,
             .body = &body_,
             .notes = &record_.notes,
             .validates = kept_.validated(),
             .clocks = &machine_.clocks_of(a.number),
             .whole_call_ends = saturating_add(record_.notes.began, route.configured.timeout.total),
             .keeps_body = route.keeps_body});
}

void proxied_exchange::rest(std::uint32_t number) noexcept {
    track_of(number).waits.timer.disarm();
    track_of(number).attempt.rest();
}

void proxied_exchange::relay(attempt& a, bool switches) {
    now_.relaying = true;
    http::client_connection& origin = a.connection();
    record_.response(origin.head().status());
    record_.notes.answered = now();
    if (switches) return go_on(relay_.begin_tunnel(*now_.client, origin));
    const auto& replaced = machine_.replaced();
    if (replaced) record_.count_fallback(fallback_upstream);
    const std::string note = replaced ? note_fallback(thread_.pseudonym(), *replaced, "answered by another upstream")
                                      : note_race(thread_.pseudonym(), machine_.answering(), machine_.raced());
    const auto& all = thread_.serves().answers();
    if (!all.empty()) kept_.see(origin.head(), all, replaced.has_value(), now());
    go_on(relay_.begin(*now_.client, origin, kept_, note, thread_.scratch_text()));
}

void proxied_exchange::go_on(response_relay::state s) {
    attempt& a = track_of(machine_.answering()).attempt;
    record_.notes.response_bytes = relay_.bytes();
    if (s == response_relay::state::awaits_client) return a.pause();
    if (s == response_relay::state::awaits_origin) return a.await_more(now_.route->configured.timeout.idle);
    a.pause();
    const bool whole = s == response_relay::state::whole;
    now_.relaying = false;
    now_.last = whole ? farewell::complete : farewell::abort;
    if (whole) kept_.keep_copy();
    else record_.notes.what = incident::response_incomplete;
    hear({.kind = event::response_ended, .whole = whole});
}

// -- The end -----------------------------------------------------------------------------------------

// Of no request any more. The next one may begin in it at once: nothing is touched after this.
void proxied_exchange::end() {
    if (now_.lost) record_.lost(*now_.lost);
    record_.end(*now_.client, {.upstream = now_.to->configured.name,
                               .endpoint = track_of(machine_.answering()).attempt.endpoint_name(),
                               .request_bytes = body_.size() + (relay_.is_tunnel() ? relay_.bytes_up() : 0),
                               .breaker = machine_.breaker()});
    waits_.timer.disarm();
    for (const auto& t : tracks_) t->forget();
    machine_.forget();
    kept_.end();
    relay_ = {};
    own_row_.clear();  // a policy that is held is never forgotten
    const state was = std::exchange(now_, {});
    serial_.fetch_add(1, std::memory_order_relaxed);
    owner_.ended(*this);
    switch (was.last) {
        case farewell::complete: return was.client->response_complete();
        case farewell::abort: return was.client->abort();
        case farewell::fail_body: return was.client->fail_body();
        case farewell::none: return;
    }
}

}  // namespace fusebox::gateway
