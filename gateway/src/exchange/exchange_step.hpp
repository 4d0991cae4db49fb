// What an exchange's machine hears and says (exchange_machine.hpp).
//
// Thread-safety: values.
#pragma once

#include "messages/incident.hpp"

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/clock.hpp>
#include <fusebox/verdict.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace fusebox::gateway {

// How an attempt came to its end, or to the head of a response.
struct attempt_report {
    int status = 0;                         // of a response
    std::optional<incident> what{};         // or what went wrong
    duration took{0};                       // the client's own slowness not counted
    std::optional<duration> retry_after{};  // the response's wish
    bool untouched = false;                 // nothing of the request went out
    bool body_kept = true;                  // nothing of the request is lost
    bool own_pause = false;                 // we were the ones who were late: it says nothing of the origin
};

// What happened.
struct event {
    enum kind_type : unsigned char {
        next,             // nothing more: what is to be done now?
        looked_up,        // of look_up: `found` says what there is
        stale_found,      // of look_for_stale: `found` is fresh when there is one
        flight_landed,    // the other's answer may be there; `found` is fresh when it may be given
        flight_handed,    // the other is gone: it is this one's turn
        time,             // the instant that was waited for has come; of an attempt's own wait, or of the request's
        granted,          // a place in a queue; likewise
        chosen,           // of choose: an endpoint, with its breaker
        request_whole,    // all of the request's body has been read; report.body_kept says whether it is kept
        interim_relayed,  // the client has seen a part of an attempt's response
        answered,         // the head of an attempt's final response is here
        failed,           // an attempt has failed without one
        response_ended,   // the answer that is relayed has come to its end; or it was cut off
        client_lost,      // nobody wants the answer any more, or the request cannot be read to its end
    };
    enum what_is_kept : unsigned char { nothing, fresh, wait_for_another, only_kept };

    kind_type kind = next;
    std::uint32_t attempt = 0;  // 0: of the request as a whole
    what_is_kept found = nothing;
    std::shared_ptr<circuit_breaker> breaker{};  // of chosen; null when there is no endpoint
    attempt_report report{};                     // of answered and failed
    bool whole = true;                           // of response_ended
    bool unchanged = false;                      // of answered: a 304 to conditions of ours
    incident why = incident::client_gone;        // of client_lost
};

// Which kept answer is given, and why.
enum class given_answer : unsigned char {
    fresh,
    shared,     // which another request has brought
    validated,  // by an attempt
    stale,      // in the place of an error
};

// What to do.
struct action {
    enum kind_type : unsigned char {
        none,             // wait for what happens
        look_up,          // what is kept for this request; then event::looked_up
        look_for_stale,   // whether the last good answer may be given instead of an error; then event::stale_found
        leave_flight,     // another's answer is not waited for any more
        wait,             // until `at`, for the request or an attempt; in a queue, until a grant
        choose,           // an endpoint and its breaker for this attempt; then event::chosen
        ask,              // this attempt goes out
        settle,           // this attempt's endpoint hears `how`
        settle_trial,     // likewise, though its response goes on
        rest,             // this attempt holds nothing any more
        lose,             // likewise, in a race
        switch_upstream,  // from here on attempts go to the fallback's
        relay,            // this attempt's response is the client's
        tunnel,           // likewise, and after it bytes go both ways
        give_kept,        // the kept answer
        give_fixed,       // the route's fixed answer
        refuse,           // our own answer, by `why`
        finish,           // this attempt, whose response was relayed; its connection may be of use if it was whole
        over,             // the request has ended
    };
    kind_type kind = none;
    std::uint32_t attempt = 0;
    time_point at{};
    verdict how = verdict::ignored;
    given_answer given = given_answer::fresh;
    incident why = incident::internal_error;
};

}  // namespace fusebox::gateway
