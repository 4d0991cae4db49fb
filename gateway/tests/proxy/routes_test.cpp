// Which route a request takes, and that what one route suffers is none of the others' business.
#include "raw_peers.hpp"

#include <vector>

namespace fusebox::gateway {

namespace {

// Two routes: "all" to "orders", and one more to "spare".
class routes : public proxying {
protected:
    routes() {
        add_spare();
        route_configuration r = route();
        r.name = "second";
        r.upstream = "spare";
        configured.routes.push_back(r);
    }
    route_configuration& second() { return configured.routes[1]; }
};

}  // namespace

TEST_F(routes, a_header_s_value_leads_to_its_route_and_another_value_does_not) {
    second().match.headers = {{"X-Tenant", "big"}};
    peer& c = client();
    send(c, "GET / HTTP/1.1\r\nHost: a\r\nx-tenant: big\r\n\r\n");
    peer& s = spare();
    EXPECT_NE(head(s), "");
    send(s, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: small\r\n\r\n", ok).answered,
                StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(exchange(get, ok).answered, StartsWith("HTTP/1.1 200"));
}

TEST_F(routes, while_one_upstream_is_slow_and_then_dead_the_other_is_served_as_ever) {
    second().match.path_prefix = "/second";
    const auto second_is_served = [this](peer& c, peer*& s) {
        send(c, "GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
        if (s == nullptr) s = &spare();
        EXPECT_THAT(head(*s), StartsWith("GET /second "));
        send(*s, ok);
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
        EXPECT_EQ(body(c, 2), "ok");
    };
    peer& other = client();
    peer* s = nullptr;
    std::vector<peer*> waiting;
    for (int i = 0; i < 30; ++i) {
        waiting.push_back(&client());
        send(*waiting.back(), get);
        head(origin());
        second_is_served(other, s);
    }
    pass(2900ms);
    second_is_served(other, s);
    pass(200ms);
    for (peer* c : waiting) EXPECT_THAT(head(*c), StartsWith("HTTP/1.1 504"));
    EXPECT_EQ(breaker().state(), circuit_state::open);
    close_origin();
    for (int i = 0; i < 30; ++i) {
        EXPECT_THAT(refused(get), StartsWith("HTTP/1.1 503"));
        second_is_served(other, s);
    }
    pass(20s);
    EXPECT_THAT(refused(get), StartsWith("HTTP/1.1 502")) << "a trial";
    second_is_served(other, s);
    const circuit_breaker& theirs = *plan_->routes()[1]->breaker;
    EXPECT_EQ(theirs.state(), circuit_state::closed);
    EXPECT_EQ(theirs.snapshot().totals.successes, 62u);
    EXPECT_EQ(theirs.snapshot().totals.failures + theirs.snapshot().totals.rejected, 0u);
}

}  // namespace fusebox::gateway
