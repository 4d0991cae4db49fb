// A worker before two raw origins, of which either may be asked first.
#pragma once

#include "raw_peers.hpp"

#include <utility>

namespace fusebox::gateway {

class two_origins : public proxying {
protected:
    two_origins() {
        auto& u = configured.upstreams[0];
        u.endpoints.push_back({{"127.0.0.1", listen(other_)}, 1});
        u.options.balance.algorithm = balancing::round_robin;
        u.options.ejection.consecutive_failures.reset();
        u.options.verdict.slow_start = 0s;
    }
    ~two_origins() override { ::close(other_); }

    int listener_of(int which) const { return which == 0 ? origin_ : other_; }
    std::string name_of(int which) const {
        return "orders/127.0.0.1:" + std::to_string(configured.upstreams[0].endpoints[std::size_t(which)].address.port);
    }

    // The next connection to either of them; which it is.
    std::pair<int, peer*> asked() {
        int which = 0;
        EXPECT_TRUE(until([&] { return is_asked(listener_of(which)) || is_asked(listener_of(which = 1 - which)); }))
            << "the gateway asks nobody";
        return {which, &accepted(listener_of(which))};
    }
    bool nobody_is_asked() { return !is_asked(origin_) && !is_asked(other_); }

    // One request, and who answered it. Connections are not used again, so that each shows.
    int round(std::string_view request, std::string_view response) {
        peer& c = client();
        send(c, request);
        const auto [which, o] = asked();
        EXPECT_NE(head(*o), "");
        send(*o, response);
        answer = head(c);
        close(*o);
        close(c);
        return which;
    }
    // What a keeper does now and then.
    void refresh() { plan_->upstreams()[0]->endpoints->refresh(clock.now()); }

    std::string answer;
    static constexpr std::string_view fine = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    static constexpr std::string_view failing =
        "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

private:
    int other_ = -1;
};

}  // namespace fusebox::gateway
