#include "exchange/exchange_machine.hpp"

#include "exchange/repetition.hpp"

#include <algorithm>
#include <utility>

namespace fusebox::gateway {

action exchange_machine::begin(const route_state& route, const request& asked, time_point now) {
    clock_.set(now);
    actions_.clear();
    state& s = now_.emplace(route, asked, now);
    s.result.emplace(route.rules);
    s.clocks = detail::walk_state{call_context{}, detail::step_time{&clock_}};
    s.clocks.wake = &lender_.waker_of(0);
    if (route.answers) {
        s.at = stage::looking_up;
        push({.kind = action::look_up});
    } else {
        begin_walk();
    }
    return actions_.pop();
}

action exchange_machine::resume(const event& e, time_point now) {
    clock_.set(now);
    if (now_ && now_->at != stage::over) hear(e);
    return actions_.pop();
}

void exchange_machine::hear(const event& e) {
    switch (e.kind) {
        case event::next: return;
        case event::looked_up: return looked_up(e.found);
        case event::stale_found: return stale_found(e.found);
        case event::flight_landed:
        case event::flight_handed: return flight_stirred(e);
        case event::time: return e.attempt == 0 ? time_came() : lane_resumes(lanes_.at(e.attempt), false);
        case event::granted:
            if (e.attempt != 0) return lane_resumes(lanes_.at(e.attempt), true);
            if (now_->at != stage::waiting || !now_->queued) return;
            push({.kind = action::wait, .at = time_point::max()});
            return follow(now_->walk->resume());
        case event::chosen: return chosen(lanes_.at(e.attempt), e.breaker);
        case event::request_whole:
            now_->asked.whole = true;
            now_->asked.kept = e.report.body_kept;
            if (now_->route->hedged && now_->at == stage::trying) begin_race();
            return;
        case event::interim_relayed: now_->interim_relayed = true; return;
        case event::answered: return answered(lanes_.at(e.attempt), e);
        case event::failed: return failed(lanes_.at(e.attempt), e.report);
        case event::response_ended: return response_ended(e.whole);
        case event::client_lost: return client_lost(e);
    }
}

// -- Before the walk ---------------------------------------------------------------------------------

void exchange_machine::looked_up(event::what_is_kept found) {
    switch (found) {
        case event::fresh: push({.kind = action::give_kept, .given = given_answer::fresh}); return end();
        case event::only_kept: push({.kind = action::refuse, .why = incident::nothing_kept}); return end();
        case event::nothing: return begin_walk();
        case event::wait_for_another: break;
    }
    now_->at = stage::following;
    now_->walk_done = true;  // it has not begun
    const route_timeouts& t = now_->route->configured.timeout;
    push({.kind = action::wait, .at = saturating_add(now(), std::min(t.per_try, t.total))});
}

void exchange_machine::flight_stirred(const event& e) {
    if (now_->at != stage::following) return;
    if (e.kind == event::flight_handed || e.found != event::fresh) return go_alone();
    push({.kind = action::give_kept, .given = given_answer::shared});
    end();
}

void exchange_machine::go_alone() {
    push({.kind = action::wait, .at = time_point::max()});
    now_->walk_done = false;
    now_->clocks.context.set_deadline(saturating_add(now_->began, now_->route->configured.timeout.total));
    begin_walk();
}

// -- The walk ----------------------------------------------------------------------------------------

void exchange_machine::begin_walk() {
    lanes_.go_by(*now_->route, lender_.policies(), now_->clocks);
    now_->walk.emplace(lender_.policies(), 0, now_->route->outer_end, *now_->result, now_->clocks);
    follow(now_->walk->start());
}

void exchange_machine::follow(const detail::command& c) {
    switch (c.kind) {
        case detail::command::invoke: return begin_attempts();
        case detail::command::sleep:
        case detail::command::queue:
            now_->at = stage::waiting;
            now_->queued = c.kind == detail::command::queue;
            return push({.kind = action::wait, .at = c.until});
        case detail::command::done: now_->walk_done = true; return fall_back();
    }
}

void exchange_machine::begin_attempts() {
    now_->at = stage::trying;
    now_->answering = now_->raced = 1;
    if (now_->route->has_inner()) {
        if (now_->route->hedged && now_->asked.whole) begin_race();
        return begin_lane(lanes_.first());
    }
    lanes_.first().begin(*now_->result, now_->clocks, now());
    push({.kind = action::ask, .attempt = 1});
}

void exchange_machine::time_came() {
    switch (now_->at) {
        case stage::waiting: return follow(now_->walk->resume());
        case stage::relaying: return settle_trial();
        case stage::trying:
            if (now_->race) launch_by_clock();
            return;
        case stage::following: break;
        default: return;
    }
    // As long as an attempt may take it has waited: it has so much less time left for one of its own.
    push({.kind = action::leave_flight});
    if (now() < saturating_add(now_->began, now_->route->configured.timeout.total)) return go_alone();
    now_->result->failed(incident::total_timeout, false, now() - now_->began);
    fall_back();
}

void exchange_machine::end_walk() {
    if (now_->walk_done) return;
    if (now_->route->has_inner()) {
        lane& l = lanes_.at(now_->answering);
        (void)l.leave(cancel_cause::none);
        now_->result = l.result();
    }
    auto c = now_->walk->ended(cancel_cause::none);
    while (c.kind != detail::command::done) c = now_->walk->interrupt();
    now_->walk_done = true;
}

// -- Attempts ----------------------------------------------------------------------------------------

void exchange_machine::begin_lane(lane& l) {
    if (lanes_.begin(l, lender_.waker_of(l.number), clock_)) attempt_over(l, cancel_cause::none);
}

void exchange_machine::lane_resumes(lane& l, bool by_grant) {
    if (lanes_.resumes(l, by_grant)) attempt_over(l, cancel_cause::none);
}

void exchange_machine::chosen(lane& l, const std::shared_ptr<circuit_breaker>& breaker) {
    if (l.at != lane::stage::choosing) return;
    if (!breaker) return failed(l, {.what = incident::no_endpoint, .untouched = true});
    if (lanes_.chosen(l, breaker)) attempt_over(l, cancel_cause::none);
}

void exchange_machine::answered(lane& l, const event& e) {
    if (l.at != lane::stage::asking) return;
    const bool again = is_worth_another(e.report);
    l.result().response(e.report.status, again, e.report.took, e.report.retry_after);
    if (e.report.status == 101 || l.result().meaning() != outcome::failure || !may_improve(again))
        return take_answer(l, e.unchanged);
    l.at = lane::stage::holding;
    attempt_over(l, cancel_cause::none);
}

void exchange_machine::failed(lane& l, const attempt_report& r) {
    if (!l.is_running()) return;
    l.result().failed(*r.what, is_worth_another(r), r.took);
    if (r.own_pause) l.result().say_nothing();
    const bool late = now() >= l.clocks().context.deadline();
    l.at = lane::stage::over;
    attempt_over(l, late ? cancel_cause::deadline : cancel_cause::none);
}

bool exchange_machine::is_worth_another(const attempt_report& r) {
    now_->repeatable = may_repeat(r, now_->asked.idempotent);
    const auto& on = now_->route->repeats_on;
    return on && now_->repeatable && gateway::is_worth_another(r, *on);
}

// With what it came to in its result. Its failed response may be the answer.
void exchange_machine::attempt_over(lane& l, cancel_cause cause) {
    detail::command c{};
    lane* decides = &l;
    if (!now_->walk_done && now_->route->has_inner()) {
        const detail::ending how = l.leave(cause);
        lanes_.settle(l);
        decides = heard_in_race(l, how);
        if (decides == nullptr) return;  // others go on
        now_->result = decides->result();
        c = now_->walk->ended(decides == &l ? cause : cancel_cause::none);
    } else {
        if (!now_->walk_done) c = now_->walk->ended(cause);
        lanes_.settle(l);
    }
    now_->answering = decides->number;
    if (decides->at != lane::stage::holding || c.kind != detail::command::done) lanes_.rest();
    follow(c);
}

// -- The race of a hedge -----------------------------------------------------------------------------

// From when all of the request is here: until then the client's slowness would be taken for the origin's.
void exchange_machine::begin_race() {
    if (now_->race || now_->replaced || !now_->asked.kept || now_->asked.upgrades || !now_->asked.idempotent) return;
    const route_state& route = *now_->route;
    const auto& retry = route.configured.retry;
    const bool counted = retry && retry->budget;  // by the retry around it, in the same budget
    now_->race.emplace(route.hedged->begin(now(), counted ? route.hedged->budget().get() : nullptr));
    wait_for_launch();
}

void exchange_machine::launch_by_clock() {
    bool trial = false;  // whose verdict the breaker, or the endpoint, waits for
    lanes_.for_each([&](lane& l) { trial = trial || (l.is_running() && is_trial(l)); });
    if (may_launch() && !trial) launch();
}

void exchange_machine::launch() {
    const auto number = now_->race->launch(now());
    if (!number) return;  // the budget is empty
    wait_for_launch();
    now_->answering = *number;
    now_->raced = std::max(now_->raced, *number);
    begin_lane(lanes_.at(*number));
}

// An attempt has failed: the one that decides, or null when the race goes on.
lane* exchange_machine::heard_in_race(lane& l, const detail::ending& how) {
    if (!now_->race) return &l;
    // It was refused in here, and never made; or another would be of no use.
    const bool unmade = how.refused || (l.result().what() && how.how.outcome == verdict::ignored);
    const auto next = now_->race->ended(l.number, how.how, unmade || !may_launch(), now());
    if (next.action == hedge_action::finished || next.action == hedge_action::failed) {
        lane& decides = lanes_.at(next.attempt);
        end_race(decides);
        return &decides;
    }
    if (!now_->race->next_launch()) wait_for_launch();
    lanes_.rest_over();
    if (next.action == hedge_action::launch_now) launch();
    return nullptr;
}

// This one has won it, or decides.
void exchange_machine::end_race(const lane& kept) {
    now_->race.reset();
    push({.kind = action::wait, .at = time_point::max()});
    lanes_.let_go_of_others(kept, now());
}

// -- Who answers -------------------------------------------------------------------------------------

void exchange_machine::take_answer(lane& l, bool unchanged) {
    now_->answering = l.number;
    if (now_->race) {
        (void)now_->race->ended(l.number, l.result().judge().how, false, now());
        end_race(l);
    }
    l.at = lane::stage::won;
    const bool switches = l.result().status() == 101;
    if (!switches && !unchanged) return relay(l);
    now_->clocks.context.set_deadline(time_point::max());
    l.clocks().context.set_deadline(time_point::max());
    end_walk();
    lanes_.settle(l);
    if (switches) {
        now_->at = stage::tunnelling;
        return push({.kind = action::tunnel, .attempt = l.number});
    }
    push({.kind = action::finish, .attempt = l.number, .how = verdict::success});
    push({.kind = action::give_kept, .attempt = l.number, .given = given_answer::validated});
    end();
}

// A response is relayed once it is clear that no other attempt will follow. From then on the policies' clocks no longer
// run. A trial must not last as long as a stream may: its lease would run out, which counts as a failure, and a healthy
// upstream would never be believed. Half of it is for the body to break off in; after that the head has decided.
void exchange_machine::relay(lane& l) {
    now_->at = stage::relaying;
    now_->clocks.context.set_deadline(time_point::max());
    l.clocks().context.set_deadline(time_point::max());
    if (is_trial(l)) {
        const route_configuration& route = now_->route->configured;
        duration lease = now_->route->to->configured.options.ejection.trial_lease;
        if (route.circuit_breaker && route.circuit_breaker->options.trial_lease > duration{0})
            lease = std::min(lease, route.circuit_breaker->options.trial_lease);
        push({.kind = action::wait, .at = saturating_add(l.began, lease / 2)});
    }
    push({.kind = action::relay, .attempt = l.number});
}

void exchange_machine::settle_trial() {
    lane& l = lanes_.at(now_->answering);
    if (!now_->walk_done && !now_->route->has_inner()) now_->walk->tell_breakers();
    l.tell_breakers();
    push({.kind = action::settle_trial, .attempt = l.number, .how = verdict_of(l.result().meaning())});
}

void exchange_machine::response_ended(bool whole) {
    if (now_->at != stage::relaying && now_->at != stage::tunnelling) return;
    lane& l = lanes_.at(now_->answering);
    if (!whole && !now_->walk_done) l.result().failed(incident::response_incomplete, false, now() - l.began);
    end_walk();
    lanes_.settle(l);
    l.at = lane::stage::idle;
    push({.kind = action::finish, .attempt = l.number, .how = whole ? verdict::success : verdict::failure});
    end();
}

// The walk is done, and no response is being relayed: something may take the error's place.
void exchange_machine::fall_back() {
    if (now_->replaced || !now_->result->is_error()) return answer_error();
    now_->at = stage::failing;
    if (now_->route->answers) return push({.kind = action::look_for_stale});
    stale_found(event::nothing);
}

void exchange_machine::stale_found(event::what_is_kept found) {
    if (now_->at != stage::failing) return;
    if (found == event::fresh) {
        lanes_.rest();
        push({.kind = action::give_kept, .given = given_answer::stale});
        return end();
    }
    if (now_->route->spare == nullptr || !now_->repeatable) return answer_error();
    now_->replaced = *now_->result;
    lanes_.rest();
    // The policies' clocks have been stopped: the fallback is outside of them.
    now_->clocks.context.set_deadline(saturating_add(now(), now_->route->configured.timeout.per_try));
    now_->at = stage::trying;
    now_->answering = 1;
    lanes_.first().begin(*now_->result, now_->clocks, now());
    push({.kind = action::switch_upstream});
    push({.kind = action::ask, .attempt = 1});
}

// A failed response that is held is the answer; else one of our own.
void exchange_machine::answer_error() {
    lane& l = lanes_.at(now_->answering);
    if (l.at == lane::stage::holding) {
        l.at = lane::stage::won;
        return relay(l);
    }
    if (now_->replaced && now_->replaced->what()) now_->result = *now_->replaced;  // the first error is the one to tell
    const auto& fallback = now_->route->configured.fallback;
    if (fallback && fallback->then && now_->result->is_error()) push({.kind = action::give_fixed});
    else if (now_->result->by_chaos()) push({.kind = action::refuse, .why = incident::injected_fault});
    else push({.kind = action::refuse, .why = now_->result->what().value_or(incident::internal_error)});
    lanes_.rest();
    end();
}

// Ends the walk and the attempts, whatever they are at; the upstream did nothing wrong.
void exchange_machine::client_lost(const event& e) {
    now_->clocks.context.set_deadline(time_point::max());  // whatever clock has run out, it is not what ended this
    now_->race.reset();
    if (now_->route->flights) push({.kind = action::leave_flight});  // who waits behind it goes in its place
    lanes_.for_each([&](lane& l) {
        if (l.is_running()) lanes_.cancel(l, incident::client_gone, cancel_cause::caller, now());
    });
    detail::command c{};
    if (!now_->walk_done && now_->at == stage::waiting) c = now_->walk->interrupt();
    else if (!now_->walk_done && now_->walk) {
        now_->result->failed(incident::client_gone, false, now() - now_->began);
        c = now_->walk->ended(cancel_cause::caller);
    }
    while (c.kind != detail::command::done) c = now_->walk->interrupt();
    now_->walk_done = true;
    lanes_.rest();
    if (e.why != incident::client_gone) push({.kind = action::refuse, .why = e.why});
    end();
}

const circuit_breaker* exchange_machine::breaker() {
    const route_state& route = *now_->route;
    if (route.chooses_first) return lanes_.at(now_->answering).breaker_at(route.breaker_at - route.inner_at);
    const auto row = lender_.policies();
    if (route.breaker_at >= row.size()) return nullptr;
    return std::get<std::shared_ptr<circuit_breaker>>(row[route.breaker_at]).get();
}

// Whether its outcome decides over more than this request.
bool exchange_machine::is_trial(const lane& l) {
    const route_state& route = *now_->route;
    const auto* breaker = route.chooses_first ? l.breaker_at(route.breaker_at - route.inner_at) : this->breaker();
    return lender_.is_trial(l.number) || (breaker != nullptr && breaker->state() == circuit_state::half_open);
}

}  // namespace fusebox::gateway
