// Rate limits, and a limit for each caller.
#include "raw_peers.hpp"

namespace fusebox::gateway {

namespace {

class limits_by_key : public proxying {
protected:
    limits_by_key() {
        route().rate_limit = rate_limit_configuration{.bucket = {.rate = 0.1, .burst = 1}};
        configured.trusted_proxies = {{*parse_ip("127.0.0.0"), 104}};
    }
    void limit_per(request_key::source from, std::string header = {}) {
        route().rate_limit->per = request_key{from, std::move(header)};
    }
    static std::string request(std::string_view target, std::string_view field = {}) {
        return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(field) + "\r\n";
    }
    std::string served(const std::string& r) { return exchange(r, ok).answered; }
};

}  // namespace

TEST_F(limits_by_key, one_limit_for_all_says_when_to_come_again) {
    EXPECT_THAT(served(request("/")), StartsWith("HTTP/1.1 200"));
    const std::string answer = refused(request("/"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 429"));
    EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
    EXPECT_THAT(answer, HasSubstr("error=http_request_denied"));
}

TEST_F(limits_by_key, each_client_has_a_limit_as_trusted_proxies_tell_it) {
    limit_per(request_key::source::client_ip);
    EXPECT_THAT(served(request("/", "X-Forwarded-For: 192.0.2.1\r\n")), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(served(request("/", "X-Forwarded-For: 192.0.2.2\r\n")), StartsWith("HTTP/1.1 200"));
    const std::string answer = refused(request("/", "X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 429")) << "what a stranger says of others is not listened to";
    EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
    pass(10s);
    EXPECT_THAT(served(request("/", "X-Forwarded-For: 192.0.2.1\r\n")), StartsWith("HTTP/1.1 200"));
}

TEST_F(limits_by_key, a_stranger_s_address_is_that_of_its_connection) {
    limit_per(request_key::source::client_ip);
    configured.trusted_proxies.clear();
    EXPECT_THAT(served(request("/", "X-Forwarded-For: 192.0.2.1\r\n")), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(refused(request("/", "X-Forwarded-For: 192.0.2.2\r\n")), StartsWith("HTTP/1.1 429"));
}

TEST_F(limits_by_key, each_path_has_a_limit_however_it_is_written) {
    limit_per(request_key::source::path);
    EXPECT_THAT(served(request("/a?1")), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(served(request("/b")), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(refused(request("/a?2")), StartsWith("HTTP/1.1 429"));
    EXPECT_THAT(refused(request("/x/../%61")), StartsWith("HTTP/1.1 429"));
}

TEST_F(limits_by_key, each_value_of_a_header_has_a_limit_by_any_algorithm) {
    limit_per(request_key::source::header, "X-Key");
    for (const auto algorithm : {rate_algorithm::fixed_window, rate_algorithm::sliding_window}) {
        route().rate_limit->algorithm = algorithm;
        route().rate_limit->windowed = {.limit = 1, .window = 1h};
        serve();
        EXPECT_THAT(served(request("/", "X-Key: a\r\n")), StartsWith("HTTP/1.1 200"));
        EXPECT_THAT(served(request("/", "X-Key: b\r\n")), StartsWith("HTTP/1.1 200"));
        EXPECT_THAT(served(request("/")), StartsWith("HTTP/1.1 200"));
        EXPECT_THAT(refused(request("/", "X-Key: a\r\n")), StartsWith("HTTP/1.1 429"));
    }
}

TEST_F(limits_by_key, beyond_max_keys_the_one_not_seen_the_longest_is_forgotten) {
    limit_per(request_key::source::header, "X-Key");
    route().rate_limit->max_keys = 2;
    EXPECT_THAT(served(request("/", "X-Key: a\r\n")), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(served(request("/", "X-Key: b\r\n")), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(served(request("/", "X-Key: c\r\n")), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(refused(request("/", "X-Key: b\r\n")), StartsWith("HTTP/1.1 429"));
    EXPECT_THAT(served(request("/", "X-Key: a\r\n")), StartsWith("HTTP/1.1 200"));
}

TEST_F(limits_by_key, a_caller_may_wait_for_its_turn_without_holding_up_the_others) {
    limit_per(request_key::source::header, "X-Key");
    route().rate_limit->bucket.max_wait = 10s;
    route().timeout.total = 1min;
    EXPECT_THAT(served(request("/", "X-Key: a\r\n")), StartsWith("HTTP/1.1 200"));
    peer& c = client();
    send(c, request("/", "X-Key: a\r\n"));
    EXPECT_FALSE(origin_is_asked());
    EXPECT_THAT(served(request("/", "X-Key: b\r\n")), StartsWith("HTTP/1.1 200"));
    pass(10s);
    peer& o = origin();
    EXPECT_NE(head(o), "");
    send(o, ok);
    EXPECT_THAT(head(c), StartsWith("HTTP/1.1 200"));
}

}  // namespace fusebox::gateway
