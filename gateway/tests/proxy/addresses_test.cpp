// A name that leads to several addresses, and one that leads elsewhere than it did.
#include "raw_peers.hpp"

namespace fusebox::gateway {

namespace {

class addresses_of_a_name : public proxying {
protected:
    void add_upstreams() {
        add_spare();
        serve();
    }
    // Where the endpoint of the upstream with this number listens.
    http::socket_address where(std::size_t upstream) const {
        const socket_address& a = configured.upstreams[upstream].endpoints[0].address;
        return *http::socket_address::from(a.host, a.port);
    }
    void lead_to(std::vector<http::socket_address> addresses) {
        addresses_.learn(text_of(configured.upstreams[0].endpoints[0].address), std::move(addresses));
    }
    // An address where nobody listens: its port is held by a socket that does not.
    http::socket_address nobody() {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        http::socket_address at = *http::socket_address::from("127.0.0.1", 0);
        EXPECT_EQ(::bind(fd, at.get(), at.size), 0);
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&at.storage), &at.size);
        held_.push_back(fd);
        return at;
    }
    ~addresses_of_a_name() override {
        for (const int fd : held_) ::close(fd);
    }

private:
    std::vector<int> held_;
};

}  // namespace

TEST_F(addresses_of_a_name, one_that_refuses_costs_no_try) {
    add_upstreams();
    lead_to({nobody(), nobody(), where(0)});
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(counts().tries, 1u);
    EXPECT_EQ(breaker().snapshot().window.failures, 0u);
}

TEST_F(addresses_of_a_name, all_that_refuse_are_one_failed_try) {
    add_upstreams();
    lead_to({nobody(), nobody()});
    peer& c = client();
    send(c, get);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 502"));
    EXPECT_EQ(counts().tries, 1u);
    EXPECT_EQ(breaker().snapshot().window.failures, 1u);
}

TEST_F(addresses_of_a_name, what_was_found_to_work_is_where_the_next_connection_goes) {
    add_upstreams();
    const auto dead = nobody();
    lead_to({dead, where(0)});
    peer& first = client();
    send(first, get);
    peer& o = origin();
    peer& second = client();
    send(second, get);  // while the first connection is in use
    peer& another = origin();
    for (peer* each : {&o, &another}) {
        head(*each);
        send(*each, ok);
    }
    EXPECT_THAT(head(first), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(head(second), StartsWith("HTTP/1.1 200"));
}

TEST_F(addresses_of_a_name, a_name_that_leads_elsewhere_is_followed_at_once) {
    add_upstreams();
    peer& c = client();
    send(c, get);
    peer& before = origin();
    head(before);
    send(before, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    body(c, 2);
    lead_to({where(1)});
    send(c, get);
    peer& after = spare();
    head(after);
    send(after, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_TRUE(ends(before)) << "a connection at rest to where it led before is of no use";
}

TEST_F(addresses_of_a_name, a_connection_that_was_in_use_meanwhile_is_not_kept) {
    add_upstreams();
    peer& c = client();
    send(c, get);
    peer& before = origin();
    head(before);
    lead_to({where(1)});
    peer& another = client();
    send(another, get);
    peer& after = spare();
    head(after);
    send(before, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    EXPECT_TRUE(ends(before));
}

TEST_F(addresses_of_a_name, what_was_known_stays_when_nothing_is_found) {
    add_upstreams();
    lead_to({});
    EXPECT_THAT(exchange(get, ok).answered, StartsWith("HTTP/1.1 200"));
}

}  // namespace fusebox::gateway
