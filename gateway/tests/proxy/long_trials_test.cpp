// Trial calls whose response is a stream, and outlasts every lease.
#include "two_origins.hpp"

namespace fusebox::gateway {

namespace {

constexpr std::string_view stream =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view one_event = "9\r\ndata: x\n\n\r\n";

class long_trials : public two_origins {
protected:
    long_trials() {
        route().circuit_breaker->options = {
            .consecutive_failures = 1, .open_for = 20s, .open_jitter = 0, .half_open_calls = 1};
    }
    // A stream that is a trial, and goes on.
    peer& trial() {
        round(get, failing);
        EXPECT_EQ(breaker().state(), circuit_state::open);
        pass(20s);
        peer& c = client();
        send(c, get);
        peer& o = *asked().second;
        head(o);
        EXPECT_EQ(breaker().state(), circuit_state::half_open);
        send(o, stream);
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
        return o;
    }
};

}  // namespace

TEST_F(long_trials, a_stream_that_lives_for_half_the_lease_closes_the_breaker) {
    peer& o = trial();
    pass(4s);
    EXPECT_EQ(breaker().state(), circuit_state::half_open);
    send(o, one_event);
    pass(2s);
    EXPECT_EQ(breaker().state(), circuit_state::closed);
    pass(10min);
    EXPECT_EQ(breaker().snapshot().totals.trials_reclaimed, 0u);
    EXPECT_EQ(breaker().snapshot().totals.openings, 1u);
}

TEST_F(long_trials, a_stream_that_breaks_off_before_has_failed) {
    peer& o = trial();
    pass(4s);
    cut(o);
    EXPECT_EQ(breaker().state(), circuit_state::open);
}

TEST_F(long_trials, the_breaker_of_one_endpoint_is_told_as_well) {
    route().circuit_breaker->scope.per = breaker_scope::kind::endpoint;
    const auto is_open = [this](int which) {
        bool open = false;
        plan_->upstreams()[0]->breakers->for_each([&](const auto& b) {
            open = open || (b->name() == name_of(which) && b->state() != circuit_state::closed);
        });
        return open;
    };
    const int bad = round(get, failing);
    pass(20s);
    refresh();
    peer& c = client();
    send(c, get);
    const auto [which, o] = asked();
    ASSERT_EQ(which, bad);
    head(*o);
    send(*o, stream);
    EXPECT_NE(head(c), "");
    EXPECT_TRUE(is_open(bad));
    pass(6s);
    EXPECT_FALSE(is_open(bad));
}

TEST_F(long_trials, an_ejected_endpoint_comes_back_by_a_stream) {
    route().circuit_breaker->options = {};
    configured.upstreams[0].options.ejection.consecutive_failures = 1;
    const int bad = round(get, failing);
    pass(30s);
    refresh();
    peer& c = client();
    send(c, get);
    const auto [which, o] = asked();
    ASSERT_EQ(which, bad);
    head(*o);
    send(*o, stream);
    EXPECT_NE(head(c), "");
    EXPECT_EQ(round(get, fine), 1 - bad) << "one trial at a time";
    pass(6s);
    refresh();
    pass(6s);
    refresh();
    const int first = round(get, fine);
    EXPECT_EQ(round(get, fine), 1 - first) << "both take their turns again";
    send(*o, one_event);
    EXPECT_TRUE(receives(c, "data: x")) << "and the stream goes on";
}

}  // namespace fusebox::gateway
