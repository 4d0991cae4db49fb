// Each endpoint has a breaker of its own: what is open is not asked, and says so.
#include "two_origins.hpp"

namespace fusebox::gateway {

namespace {

class breakers_by_endpoint : public two_origins {
protected:
    breakers_by_endpoint() {
        auto& b = *route().circuit_breaker;
        b.scope.per = breaker_scope::kind::endpoint;
        b.options = {.consecutive_failures = 1, .open_for = 20s, .open_jitter = 0, .half_open_calls = 1};
    }
    std::shared_ptr<circuit_breaker> breaker_of(int which) {
        std::shared_ptr<circuit_breaker> found;
        plan_->upstreams()[0]->breakers->for_each([&](const auto& b) {
            if (b->name() == name_of(which)) found = b;
        });
        return found;
    }
};

}  // namespace

TEST_F(breakers_by_endpoint, an_open_one_takes_its_endpoint_out_of_the_choice) {
    const int bad = round(get, failing);
    EXPECT_EQ(breaker_of(bad)->state(), circuit_state::open);
    EXPECT_EQ(breaker_of(1 - bad)->state(), circuit_state::closed);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(round(get, fine), 1 - bad);
    EXPECT_EQ(breaker_of(bad)->snapshot().totals.rejected, 0u) << "nobody had to be refused";
}

TEST_F(breakers_by_endpoint, after_its_wait_one_call_tries_and_brings_the_endpoint_back) {
    const int bad = round(get, failing);
    pass(20s);
    refresh();
    EXPECT_EQ(round(get, failing), bad);
    EXPECT_EQ(breaker_of(bad)->snapshot().totals.openings, 2u);
    EXPECT_EQ(round(get, fine), 1 - bad);
    pass(40s);
    refresh();
    EXPECT_EQ(round(get, fine), bad);
    EXPECT_EQ(breaker_of(bad)->state(), circuit_state::closed);
    const int first = round(get, fine);
    EXPECT_EQ(round(get, fine), 1 - first) << "both take their turns again";
}

TEST_F(breakers_by_endpoint, while_a_trial_runs_the_others_serve) {
    const int bad = round(get, failing);
    pass(20s);
    refresh();
    peer& c = client();
    send(c, get);
    const auto [trial, o] = asked();
    EXPECT_EQ(trial, bad);
    EXPECT_EQ(round(get, fine), 1 - bad);
    EXPECT_EQ(round(get, fine), 1 - bad);
    cut(c);
    EXPECT_EQ(round(get, fine), bad) << "a trial whose client goes gives its place back";
    EXPECT_EQ(breaker_of(bad)->state(), circuit_state::closed);
}

TEST_F(breakers_by_endpoint, when_all_are_open_the_soonest_says_how_long) {
    const int first = round(get, failing);
    pass(5s);
    EXPECT_EQ(round(get, failing), 1 - first);
    peer& c = client();
    send(c, get);
    answer = head(c);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
    EXPECT_THAT(answer, HasSubstr("error=destination_unavailable; details=\"breaker orders: Circuit breaker is OPEN. "
                                  "Retry in 15s\""));
    EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
    EXPECT_THAT(answer, Not(HasSubstr("127.0.0.1")));
    EXPECT_TRUE(nobody_is_asked());
    EXPECT_EQ(breaker_of(first)->snapshot().totals.rejected, 1u);
    pass(15s);
    EXPECT_EQ(round(get, fine), first) << "due, though no timer has looked";
}

TEST_F(breakers_by_endpoint, a_retry_goes_to_the_endpoint_that_is_left) {
    route().retry = retry_configuration{};
    route().retry->on.statuses = {{500, 500}};
    peer& c = client();
    send(c, get);
    const auto [bad, o] = asked();
    head(*o);
    send(*o, failing);
    pass(5s);
    const auto [good, again] = asked();
    EXPECT_EQ(good, 1 - bad);
    head(*again);
    send(*again, fine);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(breaker_of(bad)->state(), circuit_state::open);
    EXPECT_EQ(breaker_of(good)->snapshot().window.successes(), 1u);
}

TEST_F(breakers_by_endpoint, a_refusal_further_in_is_neutral_and_leaves_the_endpoint_free) {
    route().bulkhead = bulkhead_options{.max_concurrent = 1};
    peer& a = client();
    send(a, get);
    const auto [which, o] = asked();
    EXPECT_THAT(head(*o), StartsWith("GET / "));
    peer& b = client();
    send(b, get);
    EXPECT_THAT(head(b), HasSubstr("error=connection_limit_reached"));
    send(*o, fine);
    EXPECT_THAT(head(a), StartsWith("HTTP/1.1 200"));
    for (const auto& e : plan_->upstreams()[0]->endpoints->snapshot()) EXPECT_EQ(e.totals.in_flight, 0u);
    EXPECT_EQ(breaker_of(0)->snapshot().window.calls + breaker_of(1)->snapshot().window.calls, 1u);
}

TEST_F(breakers_by_endpoint, chaos_fails_in_the_place_of_the_endpoint_that_was_chosen) {
    route().chaos = chaos_configuration{.options = {.fault_rate = 1}};
    for (int i = 0; i < 2; ++i) {
        peer& c = client();
        send(c, get);
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 503"));
    }
    EXPECT_TRUE(nobody_is_asked());
    EXPECT_EQ(breaker_of(0)->state(), circuit_state::open);
    EXPECT_EQ(breaker_of(1)->state(), circuit_state::open);
}

TEST_F(breakers_by_endpoint, metrics_and_snapshot_show_each_by_name) {
    const int bad = round(get, failing);
    const std::string told = metrics(), seen = snapshot();
    EXPECT_THAT(told, HasSubstr("circuit_breaker_state{service=\"" + name_of(bad) + "\"} 1\n"));
    EXPECT_THAT(told, HasSubstr("circuit_breaker_state{service=\"" + name_of(1 - bad) + "\"} 0\n"));
    EXPECT_THAT(seen, HasSubstr("\"name\": \"" + name_of(bad) + "\""));
    EXPECT_THAT(seen, HasSubstr("\"verdict\": \"open\""));
}

TEST_F(breakers_by_endpoint, routes_to_one_upstream_share_them) {
    configured.routes.push_back(route());
    configured.routes[1].name = "more";
    configured.routes[1].match.path_prefix = "/more";
    const int bad = round(get, failing);
    EXPECT_EQ(round("GET /more HTTP/1.1\r\nHost: a\r\n\r\n", fine), 1 - bad);
    EXPECT_EQ(round("GET /more HTTP/1.1\r\nHost: a\r\n\r\n", fine), 1 - bad);
}

}  // namespace fusebox::gateway
