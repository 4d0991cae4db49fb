// Requests that miss the same answer at the same time: one goes to the origin, the others wait for what it brings.
#include "keeping.hpp"

namespace fusebox::gateway {

namespace {

class sharing : public caching {
protected:
    // A client whose request the origin must not have heard yet.
    peer& waiting(const std::string& request) {
        peer& c = client();
        send(c, request);
        EXPECT_FALSE(origin_is_asked()) << request;
        return c;
    }
    // One whose request it has heard.
    struct going {
        peer *client, *origin;
    };
    going goes(const std::string& request) {
        going g{&client(), nullptr};
        send(*g.client, request);
        g.origin = &origin();
        EXPECT_NE(head(*g.origin), "");
        return g;
    }
    peer& origin_asked_again() {
        peer& o = origin();
        EXPECT_NE(head(o), "");
        return o;
    }
};

}  // namespace

TEST_F(sharing, the_first_goes_and_the_others_get_what_it_brings) {
    const going first = goes(ask(""));
    peer &second = waiting(ask("")), &third = waiting(ask(""));
    send(*first.origin, good(""));
    EXPECT_THAT(whole(*first.client, ask("")), EndsWith("good"));
    const std::string answer = whole(second, ask(""));
    EXPECT_THAT(answer, HasSubstr("Cache-Status: fusebox; fwd=uri-miss; collapsed; ttl=60\r\n"));
    EXPECT_THAT(answer, EndsWith("good"));
    EXPECT_THAT(whole(third, ask("")), EndsWith("good"));
    EXPECT_FALSE(origin_is_asked());
    EXPECT_EQ(counts().tries.load(), 1u);
    EXPECT_THAT(metrics(), HasSubstr("fusebox_cache_shared_total{route=\"all\"} 2\n"));
    EXPECT_THAT(metrics(), HasSubstr("fusebox_cache_hits_total{route=\"all\"} 0\n"));
}

TEST_F(sharing, a_request_for_something_else_does_not_wait) {
    (void)goes(ask(""));
    (void)goes(ask("", "/other"));
    (void)goes("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    const going elsewhere = goes("GET / HTTP/1.1\r\nHost: b\r\n\r\n");
    send(*elsewhere.origin, good(""));
    EXPECT_THAT(whole(*elsewhere.client, ask("")), EndsWith("good"));
}

TEST_F(sharing, who_brings_credentials_or_conditions_or_wants_it_fresh_does_not_wait) {
    (void)goes(ask(""));
    (void)goes(ask("Authorization: me\r\n"));
    (void)goes(ask("If-None-Match: \"1\"\r\n"));
    (void)goes(ask("Cache-Control: no-cache\r\n"));
    (void)goes("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
}

TEST_F(sharing, what_may_not_be_shared_sends_the_others_their_own_way_and_is_remembered) {
    const going first = goes(ask(""));
    peer &second = waiting(ask("")), &third = waiting(ask(""));
    send(*first.origin, "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 4\r\n\r\n");
    peer &to_second = origin_asked_again(), &to_third = origin_asked_again();
    send(*first.origin, "mine");
    EXPECT_THAT(whole(*first.client, ask("")), EndsWith("mine"));
    send(to_second, good(""));
    send(to_third, good("Cache-Control: no-store\r\n"));
    EXPECT_THAT(whole(second, ask("")), EndsWith("good"));
    EXPECT_THAT(whole(third, ask("")), EndsWith("good"));
}

TEST_F(sharing, what_was_not_kept_is_not_waited_for_again_until_it_is_kept) {
    told(ask(""), good("Cache-Control: no-store\r\n"));
    const going first = goes(ask(""));
    (void)goes(ask(""));
    send(*first.origin, good("Cache-Control: max-age=1\r\n"));
    EXPECT_THAT(whole(*first.client, ask("")), EndsWith("good"));
    pass(2s);
    (void)goes(ask(""));
    (void)waiting(ask(""));
}

TEST_F(sharing, a_failure_sends_the_others_their_own_way) {
    const going first = goes(ask(""));
    peer& second = waiting(ask(""));
    send(*first.origin, "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(whole(*first.client, ask("")), StartsWith("HTTP/1.1 500"));
    send(origin_asked_again(), good("Cache-Control: max-age=1\r\n"));
    EXPECT_THAT(whole(second, ask("")), EndsWith("good"));
    pass(2s);
    (void)goes(ask(""));
    (void)waiting(ask(""));
}

TEST_F(sharing, an_answer_to_other_wishes_is_not_theirs) {
    const going first = goes(ask("Accept-Language: de\r\n"));
    peer &german = waiting(ask("Accept-Language: de\r\n")), &dane = waiting(ask("Accept-Language: da\r\n"));
    send(*first.origin, good("Vary: Accept-Language\r\n", "gut"));
    EXPECT_THAT(whole(german, ask("")), EndsWith("gut"));
    send(origin_asked_again(), good("Vary: Accept-Language\r\n", "god"));
    EXPECT_THAT(whole(dane, ask("")), EndsWith("god"));
}

TEST_F(sharing, an_answer_that_is_cut_off_sends_them_their_own_way) {
    const going first = goes(ask(""));
    peer& second = waiting(ask(""));
    send(*first.origin, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
    EXPECT_FALSE(origin_is_asked()) << "it may be theirs yet";
    close(*first.origin);
    send(origin_asked_again(), good(""));
    EXPECT_THAT(whole(second, ask("")), EndsWith("good"));
}

TEST_F(sharing, when_the_first_client_goes_the_next_takes_its_place) {
    const going first = goes(ask(""));
    peer &second = waiting(ask("")), &third = waiting(ask(""));
    cut(*first.client);
    peer& o = origin_asked_again();
    EXPECT_FALSE(origin_is_asked()) << "the third goes on waiting";
    send(o, good(""));
    EXPECT_THAT(whole(second, ask("")), EndsWith("good"));
    EXPECT_THAT(whole(third, ask("")), EndsWith("good"));
}

TEST_F(sharing, a_client_that_goes_while_it_waits_leaves_the_others_alone) {
    const going first = goes(ask(""));
    peer &second = waiting(ask("")), &third = waiting(ask(""));
    cut(second);
    EXPECT_EQ(counts().responses[0].load(), 1u);
    send(*first.origin, good(""));
    EXPECT_THAT(whole(*first.client, ask("")), EndsWith("good"));
    EXPECT_THAT(whole(third, ask("")), EndsWith("good"));
}

TEST_F(sharing, as_long_as_a_try_may_take_they_wait_and_then_go_by_themselves) {
    route().timeout = {.total = 300ms, .per_try = 200ms};
    const going first = goes(ask(""));
    pass(100ms);
    peer& second = waiting(ask(""));
    send(*first.origin, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nso ");
    pass(196ms);
    EXPECT_FALSE(origin_is_asked());
    pass(4ms);
    (void)origin_asked_again();
    pass(96ms);
    EXPECT_EQ(rest(second), "");
    pass(4ms);
    EXPECT_THAT(head(second), StartsWith("HTTP/1.1 504")) << "waiting is a part of the total";
}

TEST_F(sharing, who_has_no_time_left_after_it_hears_so) {
    route().timeout = {.total = 200ms, .per_try = 200ms};
    const going first = goes(ask(""));
    send(*first.origin, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nso ");
    peer& second = waiting(ask(""));
    pass(200ms);
    EXPECT_THAT(head(second), StartsWith("HTTP/1.1 504"));
    EXPECT_FALSE(origin_is_asked());
}

TEST_F(sharing, without_a_cache_nobody_waits) {
    route().cache.reset();
    route().fallback = fallback_configuration{.stale_if_error = 1h};
    (void)goes(ask(""));
    const going second = goes(ask(""));
    send(*second.origin, good(""));
    EXPECT_THAT(whole(*second.client, ask("")), EndsWith("good"));
}

}  // namespace fusebox::gateway
