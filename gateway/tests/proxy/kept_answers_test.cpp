// Answers that a route keeps: given again while they are fresh, and in an error's place.
#include "keeping.hpp"

namespace fusebox::gateway {

class keeping_for_errors : public keeping {
protected:
    keeping_for_errors() { route().fallback = fallback_configuration{.stale_if_error = 1h}; }
};

TEST_F(keeping_for_errors, the_last_good_answer_takes_the_error_s_place_and_says_so) {
    told(ask(""), good("ETag: \"1\"\r\n", "first"));
    EXPECT_THAT(told(ask(""), good("ETag: \"2\"\r\n", "second")), EndsWith("second"))
        << "while all is well, it is asked";
    pass(90s);
    const std::string answer = told_while_broken(ask(""));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("ETag: \"2\"\r\n"));
    EXPECT_THAT(answer, HasSubstr("Age: 90\r\n"));
    EXPECT_THAT(answer, HasSubstr("Cache-Status: fusebox; hit; ttl=-90\r\n"));
    EXPECT_THAT(answer, HasSubstr("Proxy-Status: fusebox; received-status=500; details=\"the last good answer\"\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nDate: "));
    EXPECT_THAT(answer, Not(HasSubstr("Connection: close")));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nsecond"));
    EXPECT_EQ(breaker().snapshot().window.failures, 1u) << "the breaker hears what happened";
    EXPECT_EQ(counts().fallbacks[fallback_stale], 1u);
}

TEST_F(keeping_for_errors, the_admin_port_shows_what_is_kept_and_given) {
    told(ask(""), good(""));
    told_while_broken(ask(""));
    EXPECT_THAT(metrics(), HasSubstr("fusebox_fallbacks_total{route=\"all\",from=\"stale\"} 1\n"));
    EXPECT_THAT(metrics(), HasSubstr("fusebox_fallbacks_total{route=\"all\",from=\"upstream\"} 0\n"));
    EXPECT_THAT(metrics(), HasSubstr("fusebox_kept_answers{route=\"all\"} 1\n"));
    EXPECT_THAT(snapshot(), HasSubstr("\"stale\": 1,"));
}

TEST_F(keeping_for_errors, an_open_breaker_gives_it_at_once) {
    route().circuit_breaker->options = {.consecutive_failures = 1};
    told(ask(""), good(""));
    told_while_broken(ask(""));
    ASSERT_EQ(breaker().state(), circuit_state::open);
    const std::string answer = told_by_us(ask(""));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(answer, HasSubstr("error=destination_unavailable"));
}

TEST_F(keeping_for_errors, older_than_the_route_allows_it_is_not_given) {
    told(ask(""), good("Age: 3000\r\n"));
    pass(9min);
    EXPECT_THAT(told_while_broken(ask("")), StartsWith("HTTP/1.1 200"));
    pass(2min);
    EXPECT_THAT(told_while_broken(ask("")), StartsWith("HTTP/1.1 500"));
}

TEST_F(keeping_for_errors, it_goes_before_another_upstream) {
    add_spare();
    route().fallback->upstream = "spare";
    told(ask(""), good(""));
    EXPECT_THAT(told_while_broken(ask("")), HasSubstr("the last good answer"));
    peer& c = client();
    send(c, ask("", "/unknown"));
    peer& o = origin();
    head(o);
    send(o, broken);
    EXPECT_THAT(head(spare()), StartsWith("GET /unknown "));
}

TEST_F(keeping_for_errors, what_is_not_for_everybody_or_not_for_later_is_not_kept) {
    for (const char* lines :
         {"Cache-Control: no-store\r\n", "Cache-Control: max-age=60, Private\r\n", "Cache-Control: no-cache\r\n",
          "Cache-Control: private=\"x, y\"\r\n", "Set-Cookie: a=b\r\n", "Vary: Accept, *\r\n",
          "Cache-Control: must-revalidate\r\n", "Cache-Control: max-age=0, proxy-revalidate\r\n",
          "Cache-Control: s-maxage=0\r\n", "Cache-Control: stale-if-error=0\r\n"}) {
        told(ask("", "/x"), good(lines));
        pass(1s);
        EXPECT_THAT(told_while_broken(ask("", "/x")), StartsWith("HTTP/1.1 500")) << lines;
    }
}

TEST_F(keeping_for_errors, what_is_fresh_by_its_origin_s_word_need_not_be_revalidated) {
    told(ask(""), good("Cache-Control: max-age=60, must-revalidate\r\n"));
    pass(59s);
    EXPECT_THAT(told_while_broken(ask("")), StartsWith("HTTP/1.1 200"));
    pass(2s);
    EXPECT_THAT(told_while_broken(ask("")), StartsWith("HTTP/1.1 500"));
}

TEST_F(keeping_for_errors, requests_with_credentials_share_only_what_is_public) {
    for (const char* mine : {"Authorization: Basic x\r\n", "Cookie: id=1\r\n"}) {
        told(ask(mine, "/mine"), good(""));
        EXPECT_THAT(told_while_broken(ask("", "/mine")), StartsWith("HTTP/1.1 500")) << "not for others";
        EXPECT_THAT(told_while_broken(ask(mine, "/mine")), StartsWith("HTTP/1.1 500"));
        told(ask("", "/all"), good(""));
        EXPECT_THAT(told_while_broken(ask(mine, "/all")), StartsWith("HTTP/1.1 500")) << "it could be another";
        told(ask(mine, "/public"), good("Cache-Control: public\r\n"));
        EXPECT_THAT(told_while_broken(ask("", "/public")), StartsWith("HTTP/1.1 200"));
        EXPECT_THAT(told_while_broken(ask(mine, "/public")), StartsWith("HTTP/1.1 200"));
    }
}

TEST_F(keeping_for_errors, a_field_that_the_origin_did_not_see_chooses_no_answer) {
    told(ask("Connection: Accept-Language\r\nAccept-Language: fr\r\n"), good("Vary: Accept-Language\r\n", "good"));
    EXPECT_THAT(told_while_broken(ask("Accept-Language: fr\r\n")), StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(told_while_broken(ask("")), EndsWith("good"));
    for (const char* ours : {"X-Forwarded-For", "X-Forwarded-Proto", "traceparent", "X-Real-IP", "x_forwarded_for"}) {
        told(ask("", "/ours"), good("Vary: " + std::string(ours) + "\r\n"));
        EXPECT_THAT(told_while_broken(ask("", "/ours")), StartsWith("HTTP/1.1 500")) << ours;
    }
}

TEST_F(keeping_for_errors, what_vary_names_tells_answers_apart) {
    told(ask("Accept-Language: de\r\n"), good("Vary: Accept-Language\r\n", "gut"));
    told(ask("Accept-Language: en\r\n"), good("Vary: accept-language\r\n", "good"));
    EXPECT_THAT(told_while_broken(ask("accept-language: de\r\n")), EndsWith("gut"));
    EXPECT_THAT(told_while_broken(ask("Accept-Language: en\r\n")), EndsWith("good"));
    EXPECT_THAT(told_while_broken(ask("")), StartsWith("HTTP/1.1 500"));
}

TEST_F(keeping_for_errors, under_one_key_lie_sixteen_answers_and_no_more) {
    for (int i = 0; i < 20; ++i) {
        told(ask("User-Agent: " + std::to_string(i) + "\r\n"), good("Vary: User-Agent\r\n"));
        pass(1s);
    }
    EXPECT_EQ(plan_->routes()[0]->answers->kept().answers, 16u);
    EXPECT_THAT(told_while_broken(ask("User-Agent: 3\r\n")), StartsWith("HTTP/1.1 500")) << "the oldest went";
    EXPECT_THAT(told_while_broken(ask("User-Agent: 4\r\n")), StartsWith("HTTP/1.1 200"));
}

TEST_F(keeping_for_errors, method_authority_path_and_query_tell_answers_apart) {
    told("GET /x?q=1 HTTP/1.1\r\nHost: A.example\r\n\r\n", good(""));
    EXPECT_THAT(told_while_broken("GET http://a.EXAMPLE/x?q=1 HTTP/1.1\r\nHost: b\r\n\r\n"),
                StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(told_while_broken("GET /x?q=2 HTTP/1.1\r\nHost: a.example\r\n\r\n"), StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(told_while_broken("GET /x?q=1 HTTP/1.1\r\nHost: b.example\r\n\r\n"), StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(told_while_broken("HEAD /x?q=1 HTTP/1.1\r\nHost: a.example\r\n\r\n"), StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(told_while_broken("DELETE /x?q=1 HTTP/1.1\r\nHost: a.example\r\n\r\n"), StartsWith("HTTP/1.1 500"));
}

TEST_F(keeping_for_errors, head_keeps_the_length_that_get_would_have) {
    const std::string head_request = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    told(head_request, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n");
    const std::string answer = told_while_broken(head_request);
    EXPECT_THAT(answer, HasSubstr("Content-Length: 500\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(keeping_for_errors, an_answer_that_was_cut_off_is_not_kept) {
    peer& c = client();
    send(c, ask(""));
    peer& o = origin();
    head(o);
    send(o, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    cut(o);
    EXPECT_TRUE(ends(c));
    EXPECT_THAT(told_while_broken(ask("")), StartsWith("HTTP/1.1 500"));
}

TEST_F(keeping_for_errors, what_changes_a_resource_ends_what_was_kept_of_it) {
    told(ask("", "/x"), good(""));
    told("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", good(""));
    EXPECT_THAT(told_while_broken(ask("", "/x")), StartsWith("HTTP/1.1 500"));
    told(ask("", "/x"), good(""));
    told_while_broken("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(told_while_broken(ask("", "/x")), StartsWith("HTTP/1.1 200")) << "nothing has changed";
}

TEST_F(keeping_for_errors, memory_is_bounded_and_the_least_used_go_first) {
    configured.limits.answers = 8 * std::uint64_t{1024};
    told(ask("", "/large"), good("", std::string(1025, 'x')));
    EXPECT_THAT(told_while_broken(ask("", "/large")), StartsWith("HTTP/1.1 500")) << "an eighth is the most for one";
    for (int i = 0; i < 20; ++i) {
        told(ask("", "/" + std::to_string(i)), good("", std::string(1000, 'x')));
        EXPECT_THAT(told_while_broken(ask("", "/0")), StartsWith("HTTP/1.1 200")) << "used all the time";
    }
    EXPECT_THAT(told_while_broken(ask("", "/1")), StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(told_while_broken(ask("", "/19")), StartsWith("HTTP/1.1 200"));
    const auto kept = plan_->routes()[0]->answers->kept();
    EXPECT_LE(kept.bytes, 8 * std::uint64_t{1024});
    EXPECT_GE(kept.answers, 3u);
}

TEST_F(caching, a_fresh_answer_is_given_again_and_the_origin_not_asked) {
    told(ask(""),
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nProxy-Status: cdn\r\nConnection: close\r\n\r\n"
         "2\r\nok\r\n0\r\n\r\n");
    pass(59s);
    const std::string answer = told_by_us(ask(""));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Age: 59\r\n"));
    EXPECT_THAT(answer, HasSubstr("Cache-Status: fusebox; hit; ttl=1\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 2\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Transfer-Encoding")));
    EXPECT_THAT(answer, Not(HasSubstr("Proxy-Status"))) << "of another request";
    EXPECT_THAT(answer, EndsWith("\r\n\r\nok"));
    EXPECT_EQ(counts().cache_hits, 1u);
    EXPECT_EQ(counts().tries, 1u);
    pass(2s);
    EXPECT_THAT(told(ask(""), good("", "new")), EndsWith("new"));
    EXPECT_THAT(told_by_us(ask("")), EndsWith("new"));
}

TEST_F(caching, the_origin_s_word_goes_before_the_route_s) {
    told(ask("", "/short"), good("Cache-Control: max-age=5\r\n"));
    told(ask("", "/long"), good("Cache-Control: max-age=5, s-maxage=600\r\nAge: 100\r\n"));
    told(ask("", "/dated"), good("Date: Sun, 06 Nov 2094 08:49:37 GMT\r\nExpires: Sun, 06 Nov 2094 08:49:47 GMT\r\n"));
    told(ask("", "/odd"), good("Expires: 0\r\n"));
    EXPECT_THAT(told(ask("", "/odd"), good("", "new")), EndsWith("new"));
    pass(4s);
    told_by_us(ask("", "/short"));
    told_by_us(ask("", "/dated"));
    pass(7s);
    EXPECT_THAT(told(ask("", "/short"), good("", "new")), EndsWith("new"));
    EXPECT_THAT(told(ask("", "/dated"), good("", "new")), EndsWith("new"));
    pass(480s);
    EXPECT_THAT(told_by_us(ask("", "/long")), HasSubstr("Age: 591\r\n"));
    pass(10s);
    EXPECT_THAT(told(ask("", "/long"), good("", "new")), EndsWith("new"));
}

TEST_F(caching, the_client_s_wishes_are_heeded) {
    told(ask(""), good("", "kept"));
    pass(10s);
    for (const char* lines : {"Cache-Control: no-cache\r\n", "Pragma: no-cache\r\n", "Cache-Control: max-age=9\r\n",
                              "Cache-Control: min-fresh=51\r\n", "If-Match: \"1\"\r\n", "Range: bytes=0-1\r\n"})
        EXPECT_THAT(told(ask(lines), good("Cache-Control: no-store\r\n", "new")), EndsWith("new")) << lines;
    for (const char* lines :
         {"Cache-Control: max-age=10\r\n", "Cache-Control: min-fresh=50\r\n", "Cache-Control: only-if-cached\r\n"})
        EXPECT_THAT(told_by_us(ask(lines)), EndsWith("kept")) << lines;
    const std::string nothing = told_by_us(ask("Cache-Control: only-if-cached\r\n", "/other"));
    EXPECT_THAT(nothing, StartsWith("HTTP/1.1 504"));
    EXPECT_THAT(nothing, HasSubstr("Proxy-Status: fusebox; error=proxy_internal_response\r\n"));
    EXPECT_THAT(nothing, HasSubstr("X-Request-Id: "));
}

TEST_F(caching, a_stale_answer_takes_an_error_s_place_for_a_while) {
    route().cache->stale_for = 30s;
    told(ask(""), good(""));
    pass(89s);
    EXPECT_THAT(told_while_broken(ask("")), HasSubstr("ttl=-29\r\n"));
    pass(2s);
    EXPECT_THAT(told_while_broken(ask("")), StartsWith("HTTP/1.1 500"));
}

TEST_F(caching, a_client_of_http_1_0_gets_it_and_the_end) {
    told(ask(""), good(""));
    peer& c = client();
    send(c, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    EXPECT_THAT(head(c), HasSubstr("Connection: close\r\n"));
    EXPECT_TRUE(ends(c));
    EXPECT_EQ(c.got, "good");
}

TEST_F(caching, so_many_answers_are_kept_as_the_route_says) {
    route().cache->capacity = 2;
    for (const char* path : {"/1", "/2", "/3"}) told(ask("", path), good(""));
    told_by_us(ask("", "/2"));
    told_by_us(ask("", "/3"));
    EXPECT_THAT(told(ask("", "/1"), good("", "new")), EndsWith("new"));
}

}  // namespace fusebox::gateway
