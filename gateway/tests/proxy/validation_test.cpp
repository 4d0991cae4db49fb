// Answers that are no longer fresh are put to their origin: are they still right? And so do clients with ours.
#include "keeping.hpp"

namespace fusebox::gateway {

namespace {

class validating : public caching {
protected:
    // One request that the origin answers; what it was asked is in `asked`.
    std::string told(const std::string& request, const std::string& response) {
        peer& c = client();
        send(c, request);
        peer& o = origin();
        asked = head(o);
        send(o, response);
        return whole(c, request);
    }
    static std::string unchanged(std::string_view lines) {
        return "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n" + std::string(lines) + "\r\n";
    }
    std::string asked;
};

}  // namespace

TEST_F(validating, a_stale_answer_that_is_still_right_is_given_again_and_is_fresh) {
    told(ask(""), good("ETag: \"1\"\r\nX-Is: old\r\nContent-Type: text/plain\r\n"));
    EXPECT_THAT(asked, Not(HasSubstr("If-None-Match")));
    pass(61s);
    const std::string answer = told(ask(""), unchanged("ETag: \"1\"\r\nX-Is: new\r\nContent-Type: text/html\r\n"));
    EXPECT_THAT(asked, HasSubstr("\r\nIf-None-Match: \"1\"\r\n"));
    EXPECT_THAT(asked, Not(HasSubstr("If-Modified-Since")));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Cache-Status: fusebox; fwd=stale; fwd-status=304; ttl=60\r\n"));
    EXPECT_THAT(answer, HasSubstr("Age: 0\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Is: new\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("X-Is: old")));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n")) << "that is of the body";
    EXPECT_THAT(answer, EndsWith("\r\n\r\ngood"));
    pass(59s);
    EXPECT_THAT(told_by_us(ask("")), HasSubstr("Cache-Status: fusebox; hit; ttl=1\r\n"));
    EXPECT_EQ(breaker().snapshot().totals.successes, 2u);
    EXPECT_THAT(metrics(), HasSubstr("fusebox_cache_validated_total{route=\"all\"} 1\n"));
    EXPECT_EQ(plan_->routes()[0]->answers->kept().answers, 1u);
}

TEST_F(validating, the_date_of_the_last_change_will_do) {
    told(ask(""), good("Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n"));
    pass(61s);
    EXPECT_THAT(told(ask(""), unchanged("")), EndsWith("good"));
    EXPECT_THAT(asked, HasSubstr("\r\nIf-Modified-Since: Sat, 21 Nov 2026 10:00:00 GMT\r\n"));
}

TEST_F(validating, what_has_neither_is_asked_for_anew) {
    told(ask(""), good(""));
    pass(61s);
    EXPECT_THAT(told(ask(""), good("", "anew")), EndsWith("anew"));
    EXPECT_THAT(asked, Not(HasSubstr("If-")));
}

TEST_F(validating, another_answer_takes_its_place) {
    told(ask(""), good("ETag: \"1\"\r\n"));
    pass(61s);
    EXPECT_THAT(told(ask(""), good("ETag: \"2\"\r\n", "anew")), EndsWith("anew"));
    EXPECT_THAT(told_by_us(ask("")), EndsWith("anew"));
}

TEST_F(validating, it_lives_as_long_as_the_origin_says_now) {
    told(ask(""), good("ETag: \"1\"\r\nCache-Control: max-age=10\r\n"));
    pass(11s);
    EXPECT_THAT(told(ask(""), unchanged("Cache-Control: max-age=20\r\n")), HasSubstr("Cache-Control: max-age=20\r\n"));
    pass(19s);
    told_by_us(ask(""));
    pass(2s);
    EXPECT_THAT(told(ask(""), unchanged("Cache-Control: no-store\r\n")), EndsWith("good")) << "and not any longer";
    EXPECT_EQ(plan_->routes()[0]->answers->kept().answers, 0u);
}

TEST_F(validating, what_must_be_validated_each_time_is_kept_for_it) {
    told(ask(""), good("ETag: \"1\"\r\nCache-Control: no-cache\r\n"));
    EXPECT_THAT(told(ask(""), unchanged("")), EndsWith("good"));
    EXPECT_THAT(asked, HasSubstr("If-None-Match: \"1\""));
    EXPECT_THAT(told_while_broken(ask("")), StartsWith("HTTP/1.1 500")) << "and for nothing else";
    told(ask("", "/none"), good("Cache-Control: no-cache\r\n"));
    told(ask("", "/none"), good(""));
    EXPECT_THAT(asked, Not(HasSubstr("If-None-Match")));
}

TEST_F(validating, a_client_that_wants_it_validated_has_it_validated) {
    told(ask(""), good("ETag: \"1\"\r\n"));
    EXPECT_THAT(told(ask("Cache-Control: no-cache\r\n"), unchanged("")), EndsWith("good"));
    EXPECT_THAT(asked, HasSubstr("If-None-Match: \"1\""));
    pass(1s);
    EXPECT_THAT(told(ask("Cache-Control: max-age=0\r\n"), unchanged("")), EndsWith("good"));
}

TEST_F(validating, an_error_is_no_word_on_it) {
    route().cache->stale_for = 10min;
    told(ask(""), good("ETag: \"1\"\r\n"));
    pass(61s);
    EXPECT_THAT(told_while_broken(ask("")), HasSubstr("the last good answer"));
    EXPECT_THAT(told(ask(""), unchanged("")), EndsWith("good"));
}

TEST_F(validating, a_304_about_another_answer_is_an_error_and_the_answer_forgotten) {
    told(ask(""), good("ETag: \"1\"\r\n"));
    pass(61s);
    EXPECT_THAT(told(ask(""), unchanged("ETag: \"2\"\r\n")), StartsWith("HTTP/1.1 502"));
    EXPECT_EQ(breaker().snapshot().totals.failures, 1u);
    told(ask(""), good("ETag: \"2\"\r\n"));
    EXPECT_THAT(asked, Not(HasSubstr("If-None-Match")));
}

TEST_F(validating, those_who_wait_get_the_answer_that_is_right_again) {
    told(ask(""), good("ETag: \"1\"\r\n"));
    pass(61s);
    peer &first = client(), &second = client();
    send(first, ask(""));
    peer& o = origin();
    EXPECT_THAT(head(o), HasSubstr("If-None-Match: \"1\""));
    send(second, ask(""));
    EXPECT_FALSE(origin_is_asked());
    send(o, unchanged(""));
    EXPECT_THAT(whole(first, ask("")), EndsWith("good"));
    EXPECT_THAT(whole(second, ask("")), EndsWith("good"));
}

TEST_F(validating, another_upstream_is_not_asked_about_it) {
    add_spare();
    route().fallback = fallback_configuration{.upstream = "spare"};
    told(ask(""), good("ETag: \"1\"\r\n"));
    pass(61s);
    peer& c = client();
    send(c, ask("If-None-Match: \"mine\"\r\n"));
    peer& o = origin();
    EXPECT_THAT(head(o), HasSubstr("If-None-Match: \"1\""));
    send(o, broken);
    peer& s = spare();
    EXPECT_THAT(head(s), HasSubstr("If-None-Match: \"mine\""));
    send(s, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
}

// -- The client's conditions -------------------------------------------------------------------------

TEST_F(validating, a_client_that_has_the_fresh_answer_is_told_so) {
    told(ask(""), good("ETag: \"1\"\r\nLast-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n"));
    for (const char* known : {"If-None-Match: \"1\"\r\n", "If-None-Match: \"0\", W/\"1\"\r\n", "If-None-Match: *\r\n",
                              "If-Modified-Since: Sat, 21 Nov 2026 10:00:00 GMT\r\n",
                              "If-None-Match: \"1\"\r\nIf-Modified-Since: Fri, 20 Nov 2026 10:00:00 GMT\r\n"}) {
        const std::string answer = told_by_us(ask(known));
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 304 Not Modified\r\n")) << known;
        EXPECT_THAT(answer, HasSubstr("ETag: \"1\"\r\n"));
        EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
        EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
    }
    for (const char* other : {"If-None-Match: \"2\"\r\n", "If-Modified-Since: Fri, 20 Nov 2026 10:00:00 GMT\r\n",
                              "If-None-Match: \"2\"\r\nIf-Modified-Since: Sat, 21 Nov 2026 10:00:00 GMT\r\n",
                              "If-Modified-Since: then\r\n"})
        EXPECT_THAT(told_by_us(ask(other)), StartsWith("HTTP/1.1 200")) << other;
}

TEST_F(validating, its_conditions_give_way_to_ours_and_are_judged_by_what_comes_of_it) {
    told(ask(""), good("ETag: \"1\"\r\n"));
    pass(61s);
    EXPECT_THAT(told(ask("If-None-Match: \"1\", \"0\"\r\n"), unchanged("")), StartsWith("HTTP/1.1 304"));
    EXPECT_THAT(asked, HasSubstr("\r\nIf-None-Match: \"1\"\r\n"));
    pass(61s);
    const std::string answer = told(ask("If-None-Match: \"0\"\r\n"), unchanged(""));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200")) << "it has an older one";
    EXPECT_THAT(answer, EndsWith("good"));
}

TEST_F(validating, without_anything_kept_they_are_the_origin_s_to_judge) {
    EXPECT_THAT(told(ask("If-None-Match: \"1\"\r\n"), unchanged("ETag: \"1\"\r\n")), StartsWith("HTTP/1.1 304"));
    EXPECT_THAT(asked, HasSubstr("\r\nIf-None-Match: \"1\"\r\n"));
    EXPECT_EQ(plan_->routes()[0]->answers->kept().answers, 0u);
}

TEST_F(validating, conditions_of_writers_always_go_to_the_origin) {
    told(ask(""), good("ETag: \"1\"\r\n"));
    EXPECT_THAT(told(ask("If-Match: \"2\"\r\n"), "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"),
                StartsWith("HTTP/1.1 412"));
}

TEST_F(validating, head_is_validated_as_get_is) {
    const std::string request = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    told(request, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 7\r\nConnection: close\r\n\r\n");
    pass(61s);
    EXPECT_THAT(told(request, unchanged("")), HasSubstr("Content-Length: 7\r\n"));
    EXPECT_THAT(asked, HasSubstr("If-None-Match: \"1\""));
}

}  // namespace fusebox::gateway
