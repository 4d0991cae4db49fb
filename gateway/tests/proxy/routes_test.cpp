// Which route a request takes, and that what one route suffers is none of the others' business.
#include "raw_peers.hpp"

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

}  // namespace fusebox::gateway
