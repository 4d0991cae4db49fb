// Heads sent on: what is left out, what is added, and in how many pieces.
#include "reading.hpp"

#include <fusebox/http/gather.hpp>

namespace fusebox::http {

namespace {
std::string text_of(const gather& out) {
    std::string text;
    for (const iovec& piece : out.pieces()) text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    EXPECT_EQ(text.size(), out.size());
    EXPECT_TRUE(out.complete());
    return text;
}
}  // namespace

TEST(gather, takes_an_untouched_head_as_one_piece) {
    const read_request read{"GET /a?b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nCookie: c\r\n\r\n"};
    gather out;
    out.request(read.head);
    EXPECT_EQ(out.pieces().size(), 1U);
    out.add("Via: 1.1 fusebox\r\n");
    out.end();
    EXPECT_LE(out.pieces().size(), 3U);
    EXPECT_EQ(text_of(out), "GET /a?b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nCookie: c\r\nVia: 1.1 fusebox\r\n\r\n");
}

TEST(correct_proxying, line_08_an_accepted_bare_lf_goes_on_as_cr_lf) {
    const read_request read{"GET / HTTP/1.1\nHost: a\nAccept: b\r\nX: c\n\n", {.bare_lf = true}};
    gather out;
    out.request(read.head);
    out.end();
    EXPECT_EQ(text_of(out), "GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\nX: c\r\n\r\n");
    const read_response answer{"HTTP/1.0 200 OK\nX: c\n\r\n", {}, {.bare_lf = true}};
    gather back;
    back.response(answer.head);
    back.end();
    EXPECT_EQ(text_of(back), "HTTP/1.1 200 OK\r\nX: c\r\n\r\n");
}

TEST(correct_proxying, line_18_an_absolute_form_goes_on_in_origin_form_with_its_own_host) {
    const auto forwarded = [](std::string_view line, std::string_view host = "Host: a\r\n") {
        const read_request read{std::string{line} + "\r\nX: 1\r\n" + std::string{host} + "Y: 2\r\n\r\n"};
        EXPECT_EQ(read.status, parse_status::complete);
        gather out;
        out.request(read.head);
        return text_of(out);
    };
    EXPECT_EQ(forwarded("GET http://b:81/x?y HTTP/1.1"), "GET /x?y HTTP/1.1\r\nHost: b:81\r\nX: 1\r\nY: 2\r\n");
    EXPECT_EQ(forwarded("GET http://b HTTP/1.1"), "GET / HTTP/1.1\r\nHost: b\r\nX: 1\r\nY: 2\r\n");
    EXPECT_EQ(forwarded("GET http://b?y HTTP/1.0", ""), "GET /?y HTTP/1.1\r\nHost: b\r\nX: 1\r\nY: 2\r\n");
    EXPECT_EQ(forwarded("OPTIONS http://b HTTP/1.1"), "OPTIONS * HTTP/1.1\r\nHost: b\r\nX: 1\r\nY: 2\r\n");
    EXPECT_EQ(forwarded("OPTIONS http://b/ HTTP/1.1"), "OPTIONS / HTTP/1.1\r\nHost: b\r\nX: 1\r\nY: 2\r\n");
    EXPECT_EQ(forwarded("OPTIONS * HTTP/1.0"), "OPTIONS * HTTP/1.1\r\nX: 1\r\nHost: a\r\nY: 2\r\n");
    EXPECT_EQ(forwarded("GET /x?y HTTP/1.0"), "GET /x?y HTTP/1.1\r\nX: 1\r\nHost: a\r\nY: 2\r\n");
}

TEST(correct_proxying, line_21_host_may_be_rewritten) {
    const read_request read{"GET http://b/ HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"};
    gather out;
    out.request(read.head, {field_id::host});
    out.add("Host: upstream\r\n");
    EXPECT_EQ(text_of(out), "GET / HTTP/1.1\r\nX: 1\r\nHost: upstream\r\n");
}

TEST(correct_proxying, line_24_hop_by_hop_fields_do_not_go_on_either_way) {
    const read_request read{
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Secret\r\nX-Secret: 1\r\nTE: trailers\r\nAccept: b\r\n\r\n"};
    gather out;
    out.request(read.head);
    EXPECT_EQ(text_of(out), "GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\n");
    const read_response answer{
        ok_with("Connection: close\r\nServer: s\r\nKeep-Alive: 5\r\nContent-Length: 0\r\nContent-Length: 0\r\n")};
    gather back;
    back.response(answer.head);
    EXPECT_EQ(text_of(back), "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 0\r\n");
}

TEST(correct_proxying, line_28_order_and_repeats_are_kept) {
    const std::string lines = "Set-Cookie: a=1\r\nX: 1\r\nSet-Cookie: b=2, c\r\nx:2\r\nSet-Cookie: a=1\r\n";
    const read_response read{ok_with(lines)};
    gather out;
    out.response(read.head);
    EXPECT_EQ(text_of(out), "HTTP/1.1 200 OK\r\n" + lines);
}

TEST(gather, writes_the_space_that_a_status_line_without_reason_lacks) {
    for (const char* start : {"HTTP/1.1 200\r\n", "HTTP/1.0 200\r\n", "HTTP/1.1 200 \r\n"}) {
        const read_response read{std::string{start} + "A: b\r\n\r\n"};
        ASSERT_EQ(read.status, parse_status::complete);
        gather out;
        out.response(read.head);
        EXPECT_EQ(text_of(out), "HTTP/1.1 200 \r\nA: b\r\n");
    }
}

TEST(gather, writes_a_length_without_the_tabs_that_it_came_with) {
    for (const char* value : {"\t3", " 3\t", "\t \t3 \t"}) {
        const read_request read{post_with("Content-Length:" + std::string{value} + "\r\n")};
        gather out;
        out.request(read.head);
        EXPECT_TRUE(text_of(out).ends_with("\r\nContent-Length: 3\r\n")) << text_of(out);
    }
}

TEST(gather, leaves_out_the_names_that_it_is_told) {
    const read_request read{get_with("X-A: 1\r\nAccept: 2\r\nX-B: 3\r\n")};
    gather out;
    out.request(read.head, {}, [](std::string_view name) noexcept { return name != "X-B"; });
    EXPECT_TRUE(text_of(out).ends_with("Accept: 2\r\nX-B: 3\r\n")) << text_of(out);
}

TEST(gather, has_place_for_the_worst_head) {
    std::string fields;
    for (int i = 0; i < 127; ++i) fields += "X: y\r\nTE: z\r\n";
    const read_request read{get_with(fields), {.fields = 256}};
    ASSERT_EQ(read.status, parse_status::complete);
    gather out;
    out.request(read.head);
    EXPECT_GE(out.pieces().size(), 127U);
    EXPECT_TRUE(out.complete());
}

TEST(gather, says_when_something_had_no_place) {
    gather out;
    for (std::size_t i = 0; i < gather::most_pieces; ++i) out.add(i % 2 == 0 ? "a" : "b");
    EXPECT_TRUE(out.complete());
    out.add("c");
    EXPECT_FALSE(out.complete());
}

TEST(chunk_line, is_the_size_in_hexadecimal_digits) {
    EXPECT_EQ(chunk_line{1}.text(), "1\r\n");
    EXPECT_EQ(chunk_line{0x1aF0}.text(), "1af0\r\n");
    EXPECT_EQ(chunk_line{~std::uint64_t{0}}.text(), "ffffffffffffffff\r\n");
}

}  // namespace fusebox::http
