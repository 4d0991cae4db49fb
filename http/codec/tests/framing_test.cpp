// Where a body ends. The names say which line of the list of correct proxying a test holds to.
#include "reading.hpp"

namespace fusebox::http {

using enum parse_errc;

TEST(correct_proxying, line_01_content_length_beside_transfer_encoding_is_refused) {
    constexpr auto why = content_length_beside_transfer_encoding;
    expect_refused(post_with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), why, 400);
    expect_refused(post_with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"), why, 400);
    expect_refused(post_with("transfer-encoding: chunked\r\ncontent-length: 0\r\n"), why, 400);
    expect_refused_response(ok_with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), why);
    expect_refused_response(ok_with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"), why);
}

TEST(correct_proxying, line_02_a_coding_that_is_not_exactly_chunked_is_refused) {
    for (const char* value : {" chunked,",
                              " xchunked",
                              " chunked\t",
                              "\tchunked",
                              " \"chunked\"",
                              " 'chunked'",
                              " chunked;q=1",
                              " chunked, chunked",
                              " chunked, identity",
                              " identity",
                              " gzip",
                              " chunked gzip",
                              " chunked;",
                              " chun ked",
                              " ,",
                              "",
                              " chunked, gzip",
                              " chunked , ",
                              " gzip, chunked, chunked",
                              " gzip, chunked,",
                              " chunkedchunked",
                              " x\tchunked",
                              " \xe9"
                              "chunked"}) {
        const std::string field = "Transfer-Encoding:" + std::string{value} + "\r\n";
        expect_refused(post_with(field), transfer_encoding_malformed, 400);
        expect_refused_response(ok_with(field), transfer_encoding_malformed);
    }
    expect_refused(post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                   transfer_encoding_repeated, 400);
    expect_refused(post_with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), transfer_encoding_malformed,
                   400);
    for (const char* value : {" chunked", "chunked", " Chunked", "  CHUNKED  "}) {
        expect_accepted(post_with("Transfer-Encoding:" + std::string{value} + "\r\n"), {framing::chunked});
    }
}

TEST(correct_proxying, line_03_an_unknown_coding_before_chunked_is_not_implemented) {
    for (const char* value :
         {"gzip, chunked", "gzip,chunked", "deflate, gzip, chunked", "x;a=b, chunked", "identity, chunked"}) {
        expect_refused(post_with("Transfer-Encoding: " + std::string{value} + "\r\n"), transfer_coding_unknown, 501);
    }
}

TEST(correct_proxying, line_03_transfer_encoding_in_http_1_0_is_refused) {
    expect_refused("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", transfer_encoding_in_http_1_0,
                   400);
    expect_refused_response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", transfer_encoding_in_http_1_0);
}

TEST(correct_proxying, line_04_a_content_length_that_is_not_one_number_is_refused) {
    for (const char* value : {"4, 4",
                              "4,4",
                              "4,",
                              ",4",
                              "+4",
                              "-4",
                              "0x4",
                              "4 4",
                              "4 ;",
                              "4.0",
                              "",
                              "four",
                              "4\t5",
                              "18446744073709551616",
                              "99999999999999999999",
                              "9223372036854775808",
                              "00000000000000000004",
                              "4a",
                              "1e3",
                              "\xd9\xa4"}) {
        const std::string field = "Content-Length: " + std::string{value} + "\r\n";
        expect_refused(post_with(field), content_length_malformed, 400);
        expect_refused_response(ok_with(field), content_length_malformed);
    }
    expect_refused(post_with("Content-Length: 4\r\nContent-Length: 5\r\n"), content_length_repeated, 400);
    expect_refused(post_with("Content-Length: 0\r\nContent-Length: 5\r\n"), content_length_repeated, 400);
    expect_refused_response(ok_with("Content-Length: 4\r\nX: y\r\nContent-Length: 5\r\n"), content_length_repeated);
}

TEST(correct_proxying, line_04_equal_content_lengths_collapse_into_one) {
    const read_request read{post_with("Content-Length: 4\r\nContent-Length: 4\r\n")};
    ASSERT_EQ(read.status, parse_status::complete);
    EXPECT_EQ(read.head.body(), (framing{framing::length, 4}));
    EXPECT_FALSE(read.head.dropped(1));
    EXPECT_TRUE(read.head.dropped(2));
}

TEST(correct_proxying, line_04_a_length_may_have_nineteen_digits) {
    expect_accepted(post_with("Content-Length: 9223372036854775807\r\n"),
                    {framing::length, 9'223'372'036'854'775'807U});
    expect_accepted(post_with("Content-Length:0\r\n"), {framing::length, 0});
    expect_accepted(post_with("Content-Length: \t 12 \t \r\n"), {framing::length, 12});
}

TEST(correct_proxying, line_12_a_request_without_length_has_no_body) {
    const std::string two = "POST / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n";
    const read_request read{two};
    ASSERT_EQ(read.status, parse_status::complete);
    EXPECT_EQ(read.head.body().kind, framing::none);
    EXPECT_EQ(two.substr(read.head.size()), "GET / HTTP/1.1\r\n");
}

TEST(correct_proxying, line_13_no_body_whatever_the_length_says) {
    for (const char* fields : {"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
        expect_accepted_response(ok_with(fields), {}, {.head = true});
        for (const char* status : {"100 Continue", "103 Early Hints", "204 No Content", "304 Not Modified"}) {
            expect_accepted_response("HTTP/1.1 " + std::string{status} + "\r\n" + fields + "\r\n", {});
        }
    }
}

TEST(correct_proxying, line_13_a_length_stays_where_it_means_something) {
    const read_response not_modified{"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"};
    EXPECT_FALSE(not_modified.head.dropped(0));
    const read_response to_head{ok_with("Content-Length: 5\r\n"), {.head = true}};
    EXPECT_FALSE(to_head.head.dropped(0));
    const read_response no_content{"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"};
    EXPECT_TRUE(no_content.head.dropped(0));
}

TEST(correct_proxying, line_14_a_response_without_length_ends_with_the_connection) {
    const read_response read{ok_with("Server: x\r\n")};
    EXPECT_EQ(read.head.body().kind, framing::until_close);
    EXPECT_FALSE(read.head.keep_alive());
    expect_accepted_response(ok_with("Content-Length: 0\r\n"), {framing::length, 0});
    expect_accepted_response(ok_with("Transfer-Encoding: chunked\r\n"), {framing::chunked});
}

TEST(correct_proxying, line_16_any_method_may_have_a_chunked_body) {
    for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS", "PURGE", "TRACE", "POST"}) {
        expect_accepted(std::string{method} + " / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                        {framing::chunked});
    }
}

}  // namespace fusebox::http
