// What becomes of one request, as a pure machine: its driver tells it what happened, and is told what to do next.
//
//   begin() ─► look_up ─► follow ─► ask ─► relay ─► over          a kept answer, another's flight, an attempt
//                 │         │        ├─► wait ─► ask …             a backoff, a queue, the clock of a hedge
//                 └─────────┴────────┴─► answer ─► over            a refusal, a kept answer, a fixed one
//
// It owns the walk through the route's policies, the result of each attempt, the race that a hedge makes, and the
// answers to three questions: may this be sent again, who answers the client, and what does the client's leaving end?
// It knows no socket, thread, log or clock: time comes with each event.
//
// The driver does what an action says, and asks for the next one with event::next until it is `none`; then it waits for
// something to happen. What is done for an attempt never ends in an event before the action has returned.
//
// An attempt has a number, from 1; further ones are those of a race. Each that began is ended exactly once: by
// `rest`, by `lose`, or, when its answer is relayed, by `finish`. After `over` there is nothing.
//
// Thread-safety: none.
#pragma once

#include "exchange/lanes.hpp"
#include "plan/plan.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace fusebox::gateway {

// Who lends the machine what it cannot have itself.
class exchange_lender {
public:
    // Whom a grant wakes: of the request (0), or of an attempt. It lives as long as the machine.
    virtual detail::waker& waker_of(std::uint32_t attempt) = 0;
    // The policies of this request: the route's own row, or one with those of the request's key in their places. Valid
    // until the request is over.
    virtual std::span<const pipeline_part> policies() = 0;
    // Whether the attempt's outcome decides over its endpoint.
    virtual bool is_trial(std::uint32_t attempt) const = 0;

protected:
    ~exchange_lender() = default;
};

class exchange_machine {
public:
    // What of the request decides.
    struct request {
        bool idempotent = false;  // RFC 9110, section 9.2.2
        bool upgrades = false;
        bool whole = false;  // all of its body has been read: most have none
        bool kept = true;    // what was read of it is kept
    };

    explicit exchange_machine(exchange_lender& lender) : lender_(lender) {}
    exchange_machine(const exchange_machine&) = delete;
    exchange_machine& operator=(const exchange_machine&) = delete;

    // The first action of a request. What was before is forgotten.
    action begin(const route_state& route, const request& asked, time_point now);
    action resume(const event& e, time_point now);

    // Of no request any more: no policy is held.
    void forget() noexcept {
        now_.reset();
        lanes_.for_each([](lane& l) { l.forget(); });
    }

    // -- For what is told and logged, until it is forgotten.

    const attempt_result& result() const noexcept { return *now_->result; }
    // How the route's own upstream failed, once another is asked.
    const std::optional<attempt_result>& replaced() const noexcept { return now_->replaced; }
    std::uint32_t answering() const noexcept { return now_->answering; }  // the attempt that answered, or began last
    std::uint32_t raced() const noexcept { return now_->raced; }          // attempts of the latest race
    // The breaker that the request goes through, or null.
    const circuit_breaker* breaker();
    // Attempts that race.
    std::uint32_t running() const noexcept { return now_->race ? now_->race->running() : 1; }
    // The clocks of an attempt; the client's slowness may move them.
    call_context& clocks_of(std::uint32_t attempt) noexcept { return lanes_.at(attempt).clocks().context; }

private:
    enum class stage : unsigned char {
        over,        // no request
        looking_up,  // what is kept
        following,   // another request, which has gone for the same answer
        waiting,     // for the walk: a backoff, a delay, a queue
        trying,      // an attempt is made, or several
        failing,     // whether a kept answer takes the error's place
        relaying,    // the response goes back
        tunnelling,  // after a 101
    };
    // All of one request.
    struct state {
        state(const route_state& r, const request& what, time_point now) : route(&r), asked(what), began(now) {}

        const route_state* route;
        request asked;
        time_point began;
        stage at = stage::over;
        bool queued = false;           // waits in a queue, not for an instant
        bool walk_done = false;        // the policies have heard the end
        bool repeatable = true;        // by what was sent so far, the request may be sent again
        bool interim_relayed = false;  // of a response: what the client has seen is of one origin
        std::uint32_t answering = 1;
        std::uint32_t raced = 1;
        std::optional<attempt_result> result{};
        std::optional<attempt_result> replaced{};
        std::optional<hedge::session> race{};
        detail::walk_state clocks{call_context{}, detail::step_time{nullptr}};
        std::optional<detail::dynamic_walk<attempt_result>> walk{};
    };

    void hear(const event& e);
    // The walk.
    void begin_walk();
    void follow(const detail::command& c);
    void begin_attempts();
    void looked_up(event::what_is_kept found);
    void flight_stirred(const event& e);
    void time_came();
    void go_alone();
    // Attempts.
    void begin_lane(lane& l);
    void lane_resumes(lane& l, bool by_grant);
    void chosen(lane& l, const std::shared_ptr<circuit_breaker>& breaker);
    void answered(lane& l, const event& e);
    void failed(lane& l, const attempt_report& r);
    void attempt_over(lane& l, cancel_cause cause);
    // The race of a hedge.
    void begin_race();
    // Whether further attempts may still begin. What the client has seen of a response is of one origin.
    bool may_launch() const noexcept { return !now_->interim_relayed && now() < now_->clocks.context.deadline(); }
    void launch_by_clock();
    void launch();
    void wait_for_launch() {
        push({.kind = action::wait, .at = now_->race->next_launch().value_or(time_point::max())});
    }
    lane* heard_in_race(lane& l, const detail::ending& how);
    void end_race(const lane& kept);
    // Who answers: whether something better than a failed response may still come. `again`: from another attempt.
    bool may_improve(bool again) const noexcept {
        return again || now_->race || (now_->route->replaces_errors && !now_->replaced);
    }
    void take_answer(lane& l, bool unchanged);
    void relay(lane& l);
    void settle_trial();
    void end_walk();
    void response_ended(bool whole);
    void fall_back();
    void stale_found(event::what_is_kept found);
    void answer_error();
    void client_lost(const event& e);
    void end() {
        now_->at = stage::over;
        push({.kind = action::over});
    }

    bool is_trial(const lane& l);
    bool is_worth_another(const attempt_report& r);
    void push(const action& a) { actions_.push(a); }
    time_point now() const noexcept { return clock_.now(); }

    exchange_lender& lender_;
    instant clock_;
    action_queue actions_;
    lanes lanes_{actions_};
    std::optional<state> now_;
};

}  // namespace fusebox::gateway
