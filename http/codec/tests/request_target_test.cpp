// Request lines: method, target, version; and whom a request is for.
#include "reading.hpp"

namespace fusebox::http {

using enum parse_errc;

namespace {
std::string request(std::string_view line, std::string_view host = "Host: a.example\r\n") {
    return std::string{line} + "\r\n" + std::string{host} + "\r\n";
}
}  // namespace

TEST(correct_proxying, line_17_host_missing_doubled_or_invalid_is_refused) {
    expect_refused(request("GET / HTTP/1.1", ""), host_missing, 400);
    expect_refused(request("GET / HTTP/1.1", "Host: a\r\nHost: a\r\n"), host_repeated, 400);
    expect_refused(request("GET / HTTP/1.1", "Host: a\r\nhost: b\r\n"), host_repeated, 400);
    expect_refused(request("GET / HTTP/1.0", "Host: a\r\nhost: b\r\n"), host_repeated, 400);
    for (const char* host :
         {"",      "a b",       "a,b",  "a/b", "u@a", "a:b",    "a:123456", "a:65536",  "a:1:2", "[::1", "::1",
          "[::g]", "[1.2.3.4]", "a\\b", "a?b", "a#b", "[::1]x", ":80",      "http://a", "a\tb",  "%41",  "\xc3\xa9"}) {
        expect_refused(request("GET / HTTP/1.1", "Host: " + std::string{host} + "\r\n"), host_malformed, 400);
    }
    for (const char* host :
         {"a", "a.example", "a.example.", "A-1_~.b:8080", "1.2.3.4:80", "[::1]", "[2001:db8::1.2.3.4]:443", "a:"}) {
        expect_accepted(request("GET / HTTP/1.1", "Host: " + std::string{host} + "\r\n"), {});
    }
    expect_accepted("GET / HTTP/1.0\r\n\r\n", {});
}

TEST(correct_proxying, line_18_the_authority_of_an_absolute_form_overrides_host) {
    const read_request read{request("GET HTTP://b.example:81/x/y?q=1 HTTP/1.1")};
    ASSERT_EQ(read.status, parse_status::complete);
    EXPECT_EQ(read.head.form(), target_form::absolute);
    EXPECT_EQ(read.head.authority(), "b.example:81");
    EXPECT_EQ(read.head.path(), "/x/y");
    EXPECT_EQ(read.head.query(), "q=1");
    EXPECT_EQ(read.head.path_and_query(), "/x/y?q=1");
    expect_refused(request("GET http://b.example/ HTTP/1.1", ""), host_missing, 400);
    expect_refused(request("GET http://b.example/ HTTP/1.1", "Host: a b\r\n"), host_malformed, 400);
    expect_refused(request("GET http:///x HTTP/1.1"), target_malformed, 400);
    expect_refused(request("GET http://u@b/x HTTP/1.1"), target_malformed, 400);
    expect_refused(request("GET http://b\\c/x HTTP/1.1"), target_malformed, 400);
    expect_refused(request("GET ftp://b/x HTTP/1.1"), target_form_mismatch, 400);
}

TEST(correct_proxying, line_18_an_absolute_form_may_lack_a_path) {
    const read_request bare{request("GET http://b HTTP/1.1")};
    EXPECT_EQ(bare.head.path(), "/");
    EXPECT_EQ(bare.head.path_and_query(), "");
    const read_request with_query{request("GET https://b?q HTTP/1.1")};
    EXPECT_EQ(with_query.head.path(), "/");
    EXPECT_EQ(with_query.head.query(), "q");
    EXPECT_EQ(with_query.head.path_and_query(), "?q");
}

TEST(correct_proxying, line_19_an_asterisk_is_for_options_only) {
    const read_request options{request("OPTIONS * HTTP/1.1")};
    ASSERT_EQ(options.status, parse_status::complete);
    EXPECT_EQ(options.head.form(), target_form::asterisk);
    EXPECT_EQ(options.head.path(), "*");
    expect_refused(request("GET * HTTP/1.1"), target_form_mismatch, 400);
    expect_refused(request("OPTIONS ** HTTP/1.1"), target_form_mismatch, 400);
}

TEST(correct_proxying, line_19_connect_is_405_and_authority_form_otherwise_400) {
    expect_refused(request("CONNECT a.example:443 HTTP/1.1"), connect_not_served, 405);
    expect_refused(request("CONNECT / HTTP/1.1"), connect_not_served, 405);
    expect_refused(request("GET a.example:443 HTTP/1.1"), target_form_mismatch, 400);
    expect_refused(request("GET a.example HTTP/1.1"), target_form_mismatch, 400);
}

TEST(correct_proxying, line_20_a_fragment_in_the_target_is_refused) {
    expect_refused(request("GET /a#b HTTP/1.1"), target_has_fragment, 400);
    expect_refused(request("GET /a?b#c HTTP/1.1"), target_has_fragment, 400);
    expect_refused(request("GET http://a#b HTTP/1.1"), target_has_fragment, 400);
}

TEST(correct_proxying, line_22_versions_other_than_1_0_and_1_1_are_505) {
    for (const char* version : {"HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9"}) {
        expect_refused(request("GET / " + std::string{version}), version_unsupported, 505);
    }
    expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", version_unsupported, 505);
    for (const char* version : {"HTTP/1", "HTTP/1.10", "HTTP/01.1", "http/1.1", "HTTP/1,1", "HTTP /1.1", "HTTP/1.1 ",
                                "HTTPS/1.1", "HTTP/x.1", ""}) {
        expect_refused(request("GET / " + std::string{version}), version_malformed, 400);
    }
    expect_refused_response("HTTP/2.0 200 OK\r\n\r\n", version_unsupported);
    expect_refused_response("HTTP/1.2 200 OK\r\n\r\n", version_unsupported);
    expect_refused_response("HTP/1.1 200 OK\r\n\r\n", version_malformed);
    expect_refused_response("ICY 200 OK\r\n\r\n", version_malformed);
}

TEST(request_head, has_three_parts_with_one_space_between) {
    for (const char* line : {"GET /", "GET", "GET  / HTTP/1.1", "GET\t/\tHTTP/1.1", "G(T / HTTP/1.1", "GET"}) {
        expect_refused(request(line), start_line_malformed, 400);
    }
    expect_refused(request("GET /  HTTP/1.1"), version_malformed, 400);
    expect_refused(request("GET / a HTTP/1.1"), version_malformed, 400);
}

TEST(request_head, takes_in_a_target_what_clients_do_not_escape) {
    const read_request read{request("GET /a[1]/b|c^d;x=1,2!$&'()*+:@-._~%2f?q={a}&b[]=`\\\"HTTP/1.1")};
    EXPECT_EQ(read.head.error(), start_line_malformed);
    expect_accepted(request("GET /a[1]/b|c^d;x=1,2!$&'()*+:@-._~%2f?q={a}&b[]=`\\?/ HTTP/1.1"), {});
    for (const char* target :
         {"/\"", "/<", "/>", "/\\", "/{", "/}", "/`", "/?\"", "/?<", "/?>", "/\x7f", "/\x80", "/?\xff", "/\x01"}) {
        expect_refused(request("GET " + std::string{target} + " HTTP/1.1"), target_malformed, 400);
    }
}

TEST(request_head, knows_its_method_by_its_exact_letters) {
    using enum method_id;
    const std::pair<const char*, method_id> methods[] = {
        {"GET", get},         {"HEAD", head},   {"POST", post}, {"PUT", put},    {"PATCH", patch}, {"DELETE", delete_},
        {"OPTIONS", options}, {"TRACE", trace}, {"get", other}, {"GETS", other}, {"PURGE", other}, {"M-SEARCH", other}};
    for (const auto& [text, id] : methods) {
        const read_request read{request(std::string{text} + " / HTTP/1.1")};
        EXPECT_EQ(read.head.method(), id) << text;
        EXPECT_EQ(read.head.method_text(), text);
    }
}

TEST(correct_proxying, line_23_a_line_that_is_all_method_is_not_a_long_target) {
    const head_limits limits{.bytes = 100, .start_line = 50};
    EXPECT_EQ(read_request(std::string(60, 'A'), limits).head.error(), parse_errc::method_too_long);
    EXPECT_EQ(read_request(std::string(60, 'A') + " / HTTP/1.1\r\n", limits).head.error(), parse_errc::method_too_long);
    EXPECT_EQ(answer_status(parse_errc::method_too_long), 501);
    EXPECT_EQ(read_request("GET /" + std::string(60, 'a'), limits).head.error(), parse_errc::start_line_too_long);
}

}  // namespace fusebox::http
