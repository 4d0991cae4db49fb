// How lines must be written, and how many may be there.
#include "reading.hpp"

namespace fusebox::http {

using enum parse_errc;

TEST(correct_proxying, line_05_space_before_the_colon_is_refused_in_a_request) {
    expect_refused(get_with("X : y\r\n"), space_before_colon, 400);
    expect_refused(get_with("X\t: y\r\n"), space_before_colon, 400);
    expect_refused(post_with("Content-Length : 4\r\n"), space_before_colon, 400);
    expect_refused(post_with("Transfer-Encoding : chunked\r\n"), space_before_colon, 400);
}

TEST(correct_proxying, line_05_space_before_the_colon_is_removed_in_a_response) {
    const read_response read{ok_with("Server  : x\r\nContent-Length\t :5\r\n")};
    ASSERT_EQ(read.status, parse_status::complete);
    EXPECT_EQ(read.head.name(0), "Server");
    EXPECT_EQ(read.head.value(0), "x");
    EXPECT_EQ(read.head.line(0), "Server:   x\r\n");
    EXPECT_EQ(read.head.body(), (framing{framing::length, 5}));
    expect_refused_response(ok_with("Server x\r\n"), colon_missing);
    expect_refused_response(ok_with("Server \r\n"), colon_missing);
    expect_refused_response(ok_with("A B: x\r\n"), colon_missing);
}

TEST(correct_proxying, line_06_a_folded_line_is_refused_in_a_request) {
    expect_refused(get_with("X: a\r\n b\r\n"), folded_line, 400);
    expect_refused(get_with("X: a\r\n\tb\r\n"), folded_line, 400);
    expect_refused(post_with("Transfer-Encoding:\r\n chunked\r\n"), transfer_encoding_malformed, 400);
}

TEST(correct_proxying, line_06_a_folded_line_of_a_response_becomes_one_line) {
    const read_response read{ok_with("X: a\r\n\tb\r\n  c\r\nY:\r\n d\r\nZ: e\r\n \r\n")};
    ASSERT_EQ(read.status, parse_status::complete);
    ASSERT_EQ(read.head.count(), 3U);
    EXPECT_EQ(read.head.value(0), "a   b    c");
    EXPECT_EQ(read.head.value(1), "d");
    EXPECT_EQ(read.head.value(2), "e");
    EXPECT_EQ(read.text.find('\t'), std::string::npos);
}

TEST(correct_proxying, line_07_control_bytes_are_refused) {
    for (int c = 0; c < 0x20; ++c) {
        if (c == '\t' || c == '\r' || c == '\n') continue;
        const std::string byte(1, static_cast<char>(c));
        expect_refused(get_with("X: a" + byte + "b\r\n"), control_character, 400);
        expect_refused(get_with("X: a long value, longer than sixteen bytes" + byte + "\r\n"), control_character, 400);
        expect_refused(get_with("X" + byte + ": b\r\n"), field_name_invalid, 400);
        expect_refused_response(ok_with("X: a" + byte + "b\r\n"), control_character);
        expect_refused_response("HTTP/1.1 200 O" + byte + "K\r\n\r\n", control_character);
    }
    expect_refused(get_with("X: \x7f\r\n"), control_character, 400);
    expect_refused(get_with("X: a\x7f long value, longer than sixteen bytes\r\n"), control_character, 400);
}

TEST(correct_proxying, line_07_a_bare_cr_is_refused) {
    expect_refused(get_with("X: a\rb\r\n"), bare_cr, 400);
    expect_refused(get_with("X: a\r\r\n"), bare_cr, 400);
    expect_refused(get_with("\rX: a\r\n"), bare_cr, 400);
    expect_refused("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", version_malformed, 400);
    expect_refused("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", target_malformed, 400);
    expect_refused_response(ok_with("X: a\rb\r\n"), bare_cr);
    expect_refused_response("HTTP/1.1 200 O\rK\r\n\r\n", bare_cr);
}

TEST(correct_proxying, line_07_a_field_must_have_a_name_of_token_characters) {
    expect_refused(get_with(": a\r\n"), field_name_empty, 400);
    expect_refused(get_with("X\r\n"), colon_missing, 400);
    for (const char c : std::string{"\"(),/;<=>?@[\\]{}\x80\xff"}) {
        expect_refused(get_with("X" + std::string(1, c) + "Y: a\r\n"), field_name_invalid, 400);
        expect_refused(get_with(std::string(1, c) + ": a\r\n"), field_name_invalid, 400);
    }
    expect_accepted(get_with("!#$%&'*+-.^_`|~09azAZ: \x80\xff \t a\r\n"), {});
    expect_refused_response(ok_with(" : a\r\n"), space_before_first_field);
    expect_refused_response(ok_with(": a\r\n"), field_name_empty);
}

TEST(correct_proxying, line_08_a_bare_lf_is_refused) {
    expect_refused("GET / HTTP/1.1\nHost: a\r\n\r\n", bare_lf, 400);
    expect_refused("GET / HTTP/1.1\r\nHost: a\n\r\n", bare_lf, 400);
    expect_refused("GET / HTTP/1.1\r\nHost: a\r\n\n", bare_lf, 400);
    expect_refused("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", bare_lf, 400);
    expect_refused_response("HTTP/1.1 200 OK\n\r\n", bare_lf);
    expect_refused_response("HTTP/1.1 200 OK\r\nServer: a\n\r\n", bare_lf);
}

TEST(correct_proxying, line_08_a_bare_lf_is_taken_when_the_option_says_so) {
    const head_limits lenient{.bare_lf = true};
    const read_request read{"\nGET /a HTTP/1.1\nHost: a\n\n", lenient};
    ASSERT_EQ(read.status, parse_status::complete);
    EXPECT_EQ(read.head.target(), "/a");
    EXPECT_EQ(read.head.authority(), "a");
    EXPECT_TRUE(read.head.has_bare_lf());
    const read_request bare_cr_still{"GET /a HTTP/1.1\nHost: a\rb\n\n", lenient};
    EXPECT_EQ(bare_cr_still.head.error(), bare_cr);
    const read_response answer{"HTTP/1.1 200 OK\nServer: a\n b\n\n", {}, lenient};
    ASSERT_EQ(answer.status, parse_status::complete);
    EXPECT_EQ(answer.head.value(0), "a  b");
}

TEST(correct_proxying, line_08_one_empty_line_before_a_request_is_skipped) {
    expect_accepted("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", {});
    expect_refused("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", start_line_malformed, 400);
    expect_refused(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", start_line_malformed, 400);
    expect_refused_response("\r\nHTTP/1.1 200 OK\r\n\r\n", version_malformed);
}

TEST(correct_proxying, line_09_whitespace_before_the_first_field_is_refused) {
    expect_refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", space_before_first_field, 400);
    expect_refused("GET / HTTP/1.1\r\n\tX: y\r\nHost: a\r\n\r\n", space_before_first_field, 400);
    expect_refused("GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", space_before_first_field, 400);
    expect_refused_response("HTTP/1.1 200 OK\r\n Server: a\r\n\r\n", space_before_first_field);
}

TEST(correct_proxying, line_23_a_request_line_beyond_the_limit_is_414) {
    const head_limits limits{.bytes = 1000, .start_line = 100};
    const auto line_of = [](std::size_t size) { return "GET /" + std::string(size - 14, 'a') + " HTTP/1.1"; };
    const read_request at_limit{line_of(100) + "\r\nHost: a\r\n\r\n", limits};
    EXPECT_EQ(at_limit.status, parse_status::complete);
    const read_request beyond{line_of(101) + "\r\nHost: a\r\n\r\n", limits};
    EXPECT_EQ(beyond.head.error(), start_line_too_long);
    EXPECT_EQ(answer_status(beyond.head.error()), 414);
    const read_request endless{"GET /" + std::string(200, 'a'), limits};
    EXPECT_EQ(endless.head.error(), start_line_too_long);
    const read_request no_limit_of_its_own{"GET /" + std::string(200, 'a'), {.bytes = 100, .start_line = 100}};
    EXPECT_EQ(no_limit_of_its_own.head.error(), start_line_too_long);
}

TEST(correct_proxying, line_23_a_head_beyond_the_limit_is_431) {
    const head_limits limits{.bytes = 200, .start_line = 100};
    const auto head_of = [](std::size_t size) { return get_with("X: " + std::string(size - 40, 'a') + "\r\n"); };
    ASSERT_EQ(head_of(200).size(), 200U);
    const read_request at_limit{head_of(200) + "and a body", limits};
    EXPECT_EQ(at_limit.status, parse_status::complete);
    const read_request beyond{head_of(201), limits};
    EXPECT_EQ(beyond.head.error(), head_too_large);
    EXPECT_EQ(answer_status(beyond.head.error()), 431);
}

TEST(correct_proxying, line_23_too_many_fields_are_431) {
    std::string fields;
    for (int i = 0; i < 99; ++i) fields += "X: y\r\n";
    expect_accepted(get_with(fields), {});
    expect_refused(get_with(fields + "X: y\r\n"), too_many_fields, 431);
    const read_request more_allowed{get_with(fields + "X: y\r\n"), {.fields = 101}};
    EXPECT_EQ(more_allowed.status, parse_status::complete);
}

TEST(head_limits, that_contradict_each_other_are_refused_by_name) {
    for (const head_limits limits : {head_limits{.bytes = 65536}, {.bytes = 100, .start_line = 101}, {.fields = 257}}) {
        const read_request read{get_with(""), limits};
        EXPECT_EQ(read.head.error(), limits_invalid);
        EXPECT_EQ(answer_status(read.head.error()), 500);
    }
    std::string fields;
    for (int i = 0; i < 255; ++i) fields += "X: y\r\n";
    const read_request most{get_with(fields), {.bytes = 65535, .start_line = 65535, .fields = 256}};
    EXPECT_EQ(most.status, parse_status::complete);
    EXPECT_EQ(most.head.count(), 256U);
}

TEST(request_head, another_protocol_is_refused_at_its_first_byte) {
    const read_request tls{"\x16"};
    EXPECT_EQ(tls.head.error(), start_line_malformed);
    EXPECT_EQ(tls.head.error_offset(), 0U);
}

TEST(request_head, says_where_the_offending_byte_lies) {
    const read_request read{get_with("X: abc\x01\r\n")};
    EXPECT_EQ(read.text[read.head.error_offset()], '\x01');
}

}  // namespace fusebox::http
