// The exchange's machine: event in, action out.
#include "route_machine.hpp"

#include <array>

namespace fusebox::gateway {

namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class an_exchange : public ::testing::Test, protected route_machine {
protected:
    void retry(std::uint32_t attempts) {
        route().retry.emplace();
        route().retry->options.max_attempts = attempts;
        route().retry->options.jitter = jitter_kind::none;
        route().retry->options.base = 100ms;
    }
    void hedge_after(duration delay) {
        route().hedge.emplace();
        route().hedge->delay = delay;
    }
    void fall_back_to_another() { route().fallback.emplace().upstream = "spare"; }
};

}  // namespace

TEST_F(an_exchange, asks_once_and_relays_what_comes) {
    EXPECT_THAT(begin(), ElementsAre("ask 1"));
    EXPECT_THAT(answers(1, 200), ElementsAre("relay 1"));
    EXPECT_THAT(ends(), ElementsAre("settle 1", "finish 1", "over"));
}

TEST_F(an_exchange, says_nothing_after_its_end) {
    begin();
    answers(1, 200);
    ends();
    EXPECT_THAT(after({.kind = event::time}), IsEmpty());
    EXPECT_THAT(answers(1, 200), IsEmpty());
    EXPECT_THAT(fails(1, incident::connection_terminated), IsEmpty());
    EXPECT_THAT(is_lost(), IsEmpty());
}

TEST_F(an_exchange, tells_what_went_wrong_when_nothing_better_follows) {
    begin();
    EXPECT_THAT(fails(1, incident::connection_refused),
                ElementsAre("settle 1", "rest 1", "refuse connection_refused", "over"));
}

TEST_F(an_exchange, relays_a_failed_response_when_nothing_better_follows) {
    begin();
    EXPECT_THAT(answers(1, 503), ElementsAre("relay 1"));
}

TEST_F(an_exchange, tries_again_after_a_pause_and_lets_go_of_what_failed) {
    retry(2);
    begin();
    EXPECT_THAT(answers(1, 503), ElementsAre("settle 1", "rest 1", "wait 0"));
    clock.advance(100ms);
    EXPECT_THAT(after({.kind = event::time}), ElementsAre("ask 1"));
    EXPECT_THAT(answers(1, 503), ElementsAre("settle 1", "relay 1")) << "the last one is the answer";
}

// -- May this be sent again? -------------------------------------------------------------------------

TEST_F(an_exchange, is_sent_again_only_where_that_does_no_harm) {
    struct row {
        bool idempotent, untouched, kept, again;
    };
    for (const row& r :
         {row{true, false, true, true}, row{true, true, true, true}, row{false, true, true, true},
          row{false, false, true, false}, row{true, false, false, false}, row{true, true, false, false}}) {
        route_machine one;
        one.route().retry.emplace();
        one.begin({.idempotent = r.idempotent, .whole = true});
        const auto said = one.fails(1, incident::connection_terminated, r.untouched, r.kept);
        EXPECT_EQ(::testing::Value(said, Contains("wait 0")), r.again)
            << r.idempotent << r.untouched << r.kept << ": " << ::testing::PrintToString(said);
    }
}

TEST_F(an_exchange, is_sent_again_after_what_its_route_names) {
    struct row {
        incident what;
        bool connect_failure, reset, timeout, again;
    };
    for (const row& r :
         {row{incident::connection_refused, true, false, false, true},
          row{incident::connection_refused, false, true, true, false},
          row{incident::dns_error, true, false, false, true},
          row{incident::connection_terminated, false, true, false, true},
          row{incident::connection_terminated, true, false, true, false},
          row{incident::reuse_race, false, true, false, false},
          row{incident::response_timeout, false, false, true, true},
          row{incident::response_timeout, true, true, false, false},
          row{incident::response_malformed, true, true, true, false},
          row{incident::no_endpoint, true, true, true, false}, row{incident::out_of_memory, true, true, true, false}}) {
        route_machine one;
        auto& retry = one.route().retry.emplace();
        retry.on = {.connect_failure = r.connect_failure, .reset = r.reset, .timeout = r.timeout};
        one.begin();
        EXPECT_EQ(::testing::Value(one.fails(1, r.what), Contains("wait 0")), r.again) << row_of(r.what).name;
    }
}

// -- Who answers the client? -------------------------------------------------------------------------

TEST_F(an_exchange, asks_another_upstream_once_its_own_has_failed) {
    fall_back_to_another();
    begin();
    EXPECT_THAT(answers(1, 503), ElementsAre("settle 1", "rest 1", "switch upstream", "ask 1"));
    EXPECT_THAT(answers(1, 200), ElementsAre("relay 1"));
}

TEST_F(an_exchange, tells_the_first_error_when_the_other_upstream_fails_too) {
    fall_back_to_another();
    begin();
    fails(1, incident::connection_refused);
    EXPECT_THAT(fails(1, incident::response_timeout), Contains("refuse connection_refused"));
}

TEST_F(an_exchange, gives_the_fixed_answer_at_last) {
    route().fallback.emplace().then.emplace();
    begin();
    EXPECT_THAT(fails(1, incident::connection_refused), ElementsAre("settle 1", "rest 1", "give fixed", "over"));
}

TEST_F(an_exchange, gives_what_is_kept_before_anything_is_asked) {
    route().cache.emplace();
    EXPECT_THAT(begin(), ElementsAre("look up"));
    EXPECT_THAT(after({.kind = event::looked_up, .found = event::fresh}), ElementsAre("give kept", "over"));
}

TEST_F(an_exchange, gives_an_old_answer_in_the_place_of_an_error) {
    route().fallback.emplace().stale_if_error = 1h;
    EXPECT_THAT(begin(), ElementsAre("look up"));
    EXPECT_THAT(after({.kind = event::looked_up}), ElementsAre("ask 1"));
    EXPECT_THAT(answers(1, 500), ElementsAre("settle 1", "look for stale"));
    EXPECT_THAT(after({.kind = event::stale_found, .found = event::fresh}), ElementsAre("rest 1", "give kept", "over"));
}

TEST_F(an_exchange, relays_the_error_when_no_old_answer_is_there) {
    route().fallback.emplace().stale_if_error = 1h;
    begin();
    after({.kind = event::looked_up});
    answers(1, 500);
    EXPECT_THAT(after({.kind = event::stale_found}), ElementsAre("relay 1"));
}

TEST_F(an_exchange, waits_for_another_that_has_gone_for_the_same_answer) {
    route().cache.emplace();
    begin();
    EXPECT_THAT(after({.kind = event::looked_up, .found = event::wait_for_another}), ElementsAre("wait 0"));
    EXPECT_THAT(after({.kind = event::flight_landed, .found = event::fresh}), ElementsAre("give kept", "over"));
}

TEST_F(an_exchange, goes_by_itself_when_the_others_answer_is_not_for_it_or_takes_too_long) {
    for (const event& e :
         {event{.kind = event::flight_landed}, event{.kind = event::flight_handed}, event{.kind = event::time}}) {
        route_machine one;
        one.route().cache.emplace();
        one.begin();
        one.after({.kind = event::looked_up, .found = event::wait_for_another});
        one.clock.advance(3s);
        EXPECT_THAT(one.after(e), Contains("ask 1"));
    }
}

TEST_F(an_exchange, makes_a_tunnel_of_a_101_and_believes_the_upstream_at_once) {
    begin();
    EXPECT_THAT(answers(1, 101), ElementsAre("settle 1", "tunnel 1"));
    EXPECT_THAT(ends(), ElementsAre("settle 1", "finish 1", "over"));
}

// -- A race ------------------------------------------------------------------------------------------

TEST_F(an_exchange, sends_a_second_attempt_when_the_first_is_slow_and_lets_the_loser_go) {
    hedge_after(50ms);
    EXPECT_THAT(begin(), ElementsAre("wait 0", "ask 1"));
    clock.advance(50ms);
    EXPECT_THAT(after({.kind = event::time}), Contains("ask 2"));
    const auto won = answers(2, 200);
    EXPECT_THAT(won, Contains("lose 1"));
    EXPECT_THAT(won, Contains("relay 2"));
    EXPECT_THAT(answers(1, 200), IsEmpty()) << "a late success of a loser is nothing";
}

TEST_F(an_exchange, sends_none_once_the_client_has_seen_a_part_of_a_response) {
    hedge_after(50ms);
    begin();
    after({.kind = event::interim_relayed});
    clock.advance(50ms);
    EXPECT_THAT(after({.kind = event::time}), Not(Contains("ask 2")));
}

TEST_F(an_exchange, does_not_race_with_what_may_not_be_done_twice) {
    hedge_after(50ms);
    EXPECT_THAT(begin({.idempotent = false, .whole = true}), ElementsAre("ask 1"));
}

TEST_F(an_exchange, begins_its_race_when_all_of_the_request_is_there) {
    hedge_after(50ms);
    EXPECT_THAT(begin({.idempotent = true, .whole = false}), ElementsAre("ask 1"));
    EXPECT_THAT(after({.kind = event::request_whole}), ElementsAre("wait 0"));
}

// -- What does the client's leaving end? -------------------------------------------------------------

TEST_F(an_exchange, ends_what_is_under_way_when_the_client_leaves) {
    begin();
    EXPECT_THAT(is_lost(), ElementsAre("rest 1", "over")) << "asking";
}

TEST_F(an_exchange, ends_a_backoff_when_the_client_leaves) {
    retry(3);
    begin();
    answers(1, 503);
    EXPECT_THAT(is_lost(), ElementsAre("over"));
}

TEST_F(an_exchange, ends_all_attempts_of_a_race_when_the_client_leaves) {
    hedge_after(50ms);
    begin();
    clock.advance(50ms);
    after({.kind = event::time});
    const auto said = is_lost();
    EXPECT_THAT(said, Contains("rest 1"));
    EXPECT_THAT(said, Contains("rest 2"));
}

TEST_F(an_exchange, leaves_the_flight_that_it_waits_for_when_the_client_leaves) {
    route().cache.emplace();
    begin();
    after({.kind = event::looked_up, .found = event::wait_for_another});
    EXPECT_THAT(is_lost(), ElementsAre("leave flight", "over"));
}

TEST_F(an_exchange, refuses_a_request_that_turns_out_to_be_wrong) {
    begin({.idempotent = true, .whole = false});
    EXPECT_THAT(is_lost(incident::request_too_large), ElementsAre("rest 1", "refuse request_too_large", "over"));
}

TEST_F(an_exchange, charges_nobody_for_a_client_that_leaves) {
    auto& breaker = route().circuit_breaker.emplace();
    breaker.options.consecutive_failures = 1;
    make();
    for (int i = 0; i < 5; ++i) begin(), is_lost();
    EXPECT_EQ(planned().breaker->state(), circuit_state::closed);
}

}  // namespace fusebox::gateway
