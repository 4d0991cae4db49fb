// A worker that hedges after a tenth of a second, before two raw origins.
#pragma once

#include "two_origins.hpp"

namespace fusebox::gateway {

class hedging : public two_origins {
protected:
    hedging() { route().hedge = hedge_options{.delay = 100ms}; }

    // One request that two origins have heard, the first of them a tenth of a second before.
    struct race {
        peer *client, *first, *second;
        int first_is;
        std::string first_head, second_head;
    };
    race raced(std::string_view request = get) {
        race r{};
        r.client = &client();
        send(*r.client, request);
        std::tie(r.first_is, r.first) = asked();
        r.first_head = head(*r.first);
        pass(100ms);
        r.second = &accepted(listener_of(1 - r.first_is));
        r.second_head = head(*r.second);
        return r;
    }
    // A client whose request only one origin has heard.
    std::pair<peer*, peer*> asked_once(std::string_view request) {
        peer& c = client();
        send(c, request);
        peer& o = *asked().second;
        EXPECT_NE(head(o), "");
        return {&c, &o};
    }
    bool is_hedged_after(duration by) {
        pass(by);
        return !nobody_is_asked();
    }
    circuit_totals totals() { return breaker().snapshot().totals; }
    endpoint_totals totals_of(int which) {
        return plan_->upstreams()[0]->endpoints->snapshot()[std::size_t(which)].totals;
    }

    static constexpr std::string_view unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";
};

}  // namespace fusebox::gateway
