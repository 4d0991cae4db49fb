// What strangers send under odd spellings, and the limits that each side's heads have of their own.
#include "raw_peers.hpp"

namespace fusebox::gateway {

namespace {

std::string asking(std::string_view lines) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n";
}

constexpr std::string_view odd =
    "x_forwarded_for: 6.6.6.6\r\nX_Forwarded_Proto: https\r\nContent_Length: 6\r\nTransfer_Encoding: chunked\r\n"
    "X-Real-IP: 6.6.6.6\r\nTrue-Client-IP: 6.6.6.6\r\n";

}  // namespace

TEST_F(proxying, what_applications_take_for_the_proxy_s_word_is_dropped_from_strangers) {
    const auto e = exchange(asking(std::string(odd) + "x_tenant: 1\r\n"), ok);
    for (const char* gone : {"6.6.6.6", "https", "Content_Length", "Transfer_Encoding"})
        EXPECT_THAT(e.asked, Not(HasSubstr(gone)));
    EXPECT_THAT(e.asked, HasSubstr("x_tenant: 1\r\n"));
}

TEST_F(proxying, names_with_an_underscore_can_be_dropped_all) {
    configured.keep_underscores = false;
    EXPECT_THAT(exchange(asking("x_tenant: 1\r\n"), ok).asked, Not(HasSubstr("x_tenant")));
}

TEST_F(proxying, what_trusted_proxies_say_goes_on_as_it_came) {
    configured.trusted_proxies = {{*parse_ip("127.0.0.0"), 104}};
    EXPECT_THAT(exchange(asking("X-Real-IP: 6.6.6.6\r\nx_tenant: 1\r\n"), ok).asked,
                HasSubstr("X-Real-IP: 6.6.6.6\r\nx_tenant: 1\r\n"));
}

TEST_F(proxying, the_heads_of_responses_have_limits_of_their_own) {
    configured.limits.uri = configured.limits.head = 2048;
    configured.limits.response_head = 40'000;
    configured.limits.response_fields = 200;
    std::string lines;
    for (int i = 0; i < 150; ++i) lines += "X-Field: " + std::string(150, 'x') + "\r\n";
    EXPECT_THAT(exchange(get, "HTTP/1.1 200 OK\r\n" + lines + "Content-Length: 2\r\n\r\nok").answered,
                StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, a_426_says_what_to_upgrade_to) {
    const auto e = exchange(get,
                            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                            "Content-Length: 0\r\n\r\n");
    EXPECT_THAT(e.answered, HasSubstr("\r\nUpgrade: websocket\r\n"));
    EXPECT_THAT(e.answered, HasSubstr("\r\nConnection: upgrade\r\n"));
}

TEST_F(proxying, a_status_line_without_a_reason_goes_on_with_its_space) {
    EXPECT_THAT(exchange(get, "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok").answered, StartsWith("HTTP/1.1 200 \r\n"));
}

TEST_F(proxying, a_body_may_have_trailers_whatever_the_limit_of_heads) {
    configured.limits.head = 57 * 1024;
    const auto e =
        exchange("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n", ok);
    EXPECT_THAT(e.answered, StartsWith("HTTP/1.1 200"));
}

TEST_F(proxying, paths_can_be_read_strictly) {
    configured.paths = {.merge_slashes = true, .refuse_encoded = true, .refuse_parameters = true};
    for (const char* path : {"/a%2fb", "/a%5cb", "/%2e", "/a;b"})
        EXPECT_THAT(refused("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 400"))
            << path;
    EXPECT_THAT(exchange("GET //a HTTP/1.1\r\nHost: a\r\n\r\n", ok).asked, StartsWith("GET //a HTTP/1.1"));
}

}  // namespace fusebox::gateway
