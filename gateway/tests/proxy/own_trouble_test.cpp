// What goes wrong on the gateway's own side, and endpoints that are full: nobody's failure.
#include "raw_peers.hpp"

namespace fusebox::gateway {

namespace {

class own_trouble : public proxying {};

}  // namespace

TEST(own_trouble_of, every_errno_that_tells_of_a_want_on_this_side_is_known) {
    for (const int ours : {EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSPC, EAGAIN, EADDRNOTAVAIL})
        EXPECT_TRUE(http::is_own_trouble(ours)) << ours;
    for (const int theirs : {0, ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EPIPE})
        EXPECT_FALSE(http::is_own_trouble(theirs)) << theirs;
    for (const incident i : {incident::out_of_descriptors, incident::no_local_port, incident::out_of_memory}) {
        EXPECT_EQ(row_of(i).group, outcome_class::ours);
        EXPECT_EQ(row_of(i).status, 503);
    }
}

TEST_F(own_trouble, an_endpoint_that_is_full_is_passed_over) {
    int other = -1;
    configured.upstreams[0].endpoints.push_back({{"127.0.0.1", listen(other)}, 1});
    configured.upstreams[0].connections.max_per_endpoint = 1;
    configured.upstreams[0].options.balance.algorithm = balancing::round_robin;
    serve();
    peer& a = client();
    send(a, get);
    peer& b = client();
    send(b, get);
    EXPECT_NE(head(origin()), "");
    EXPECT_NE(head(accepted(other)), "") << "one each, whatever turn it was";
    EXPECT_THAT(refused(get), HasSubstr("503"));
    cut(a);
    for (int i = 0; i < 4; ++i) {  // round robin would choose the full one each second time
        peer& c = client();
        send(c, get);
        peer& o = is_asked(origin_) ? origin() : accepted(other);
        EXPECT_NE(head(o), "") << i;
        send(o, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200")) << i;
        close(o);
    }
    ::close(other);
}

TEST_F(own_trouble, a_hundred_on_a_reused_connection_and_then_its_end_is_the_origin_s_failure) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    body(c, 2);
    send(c, get);
    EXPECT_NE(head(o), "") << "on the kept connection";
    send(o, "HTTP/1.1 100 Continue\r\n\r\n");
    close(o);
    EXPECT_FALSE(origin_is_asked()) << "not sent once more";
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 100"));
    EXPECT_THAT(head(c), HasSubstr("502"));
}

TEST_F(own_trouble, bytes_that_nobody_asked_for_end_a_kept_connection_before_it_is_used) {
    peer& c = client();
    send(c, get);
    peer& o = origin();
    head(o);
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
    body(c, 2);
    // Both arrive before the gateway looks: the client's edge may be told first.
    ASSERT_EQ(::send(c.fd, get.data(), get.size(), MSG_NOSIGNAL), ssize_t(get.size()));
    ASSERT_EQ(::send(o.fd, ok.data(), ok.size(), MSG_NOSIGNAL), ssize_t(ok.size()));
    peer& fresh = origin();
    EXPECT_NE(head(fresh), "");
    send(fresh, "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 204")) << "its own answer";
}

}  // namespace fusebox::gateway
