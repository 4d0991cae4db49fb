// Bodies undone from their framing, given at once and byte by byte.
#include <fusebox/http/body_reader.hpp>
#include <fusebox/http/field_section.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace fusebox::http {

namespace {

struct outcome {
    std::string data;
    body_reader::step::kind_type last = body_reader::step::incomplete;
    std::size_t consumed = 0;
    parse_errc error = parse_errc::none;

    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome read_body(framing how, std::string_view bytes, std::size_t piece) {
    body_reader body{how};
    outcome out;
    std::size_t given = 0;
    while (true) {
        given = std::min(bytes.size(), given + piece);
        for (;;) {
            const auto step = body.next(bytes.substr(out.consumed, given - out.consumed));
            out.data += step.slice;
            out.consumed += step.consumed;
            out.last = step.kind;
            if (step.kind != body_reader::step::data) break;
        }
        if (out.last != body_reader::step::incomplete || given == bytes.size()) break;
    }
    out.error = body.error();
    if (out.last == body_reader::step::refused) out.data.clear();  // how much came before depends on the pieces
    if (out.last == body_reader::step::refused) out.consumed = 0;
    return out;
}

outcome read_chunked(std::string_view bytes) {
    const outcome whole = read_body({framing::chunked}, bytes, bytes.size());
    for (const std::size_t piece : {1U, 2U, 3U, 7U})
        EXPECT_EQ(read_body({framing::chunked}, bytes, piece), whole) << bytes;
    return whole;
}

void expect_chunked(std::string_view bytes, std::string_view data, std::string_view left = "") {
    const outcome out = read_chunked(bytes);
    EXPECT_EQ(out.last, body_reader::step::end) << bytes << sentence(out.error);
    EXPECT_EQ(out.data, data);
    EXPECT_EQ(bytes.substr(out.consumed), left);
}

void expect_refused(std::string_view bytes, parse_errc why) {
    const outcome out = read_chunked(bytes);
    EXPECT_EQ(out.last, body_reader::step::refused) << bytes;
    EXPECT_EQ(sentence(out.error), sentence(why)) << bytes;
}

}  // namespace

using enum parse_errc;

TEST(correct_proxying, line_10_chunk_sizes_are_up_to_sixteen_hexadecimal_digits) {
    expect_chunked("5\r\nhello\r\n0\r\n\r\nnext", "hello", "next");
    expect_chunked("A\r\n0123456789\r\n1\r\n!\r\n000\r\n\r\n", "0123456789!");
    expect_chunked("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello");
    expect_refused("00000000000000005\r\nhello\r\n0\r\n\r\n", chunk_size_too_long);
    expect_refused("10000000000000005\r\nhello\r\n0\r\n\r\n", chunk_size_too_long);
    for (const char* line : {"", "g", "0x5", "+5", "-5", " 5", "\t5", "5g", "5,", "5.", "\n", "\r\n"}) {
        expect_refused(std::string{line} + "\r\nhello\r\n0\r\n\r\n", chunk_size_malformed);
    }
}

TEST(correct_proxying, line_10_a_missing_line_end_is_an_error) {
    expect_refused("5\nhello\r\n0\r\n\r\n", chunk_size_malformed);
    expect_refused("5\rhello\r\n0\r\n\r\n", bare_cr);
    expect_refused("5\r\nhello!\r\n0\r\n\r\n", chunk_data_unterminated);
    expect_refused("5\r\nhello\n0\r\n\r\n", chunk_data_unterminated);
    expect_refused("5\r\nhello\r0\r\n\r\n", chunk_data_unterminated);
    expect_refused("5\r\nhello0\r\n\r\n", chunk_data_unterminated);
    expect_refused("0\r\n\rX", bare_cr);
}

TEST(correct_proxying, line_10_extensions_are_checked_bounded_and_not_passed_on) {
    for (const char* extension :
         {";a", ";a=b", ";a=\"b;\\\"\xe9 c\\\\\"", " ;a", "; a = b ; c", "\t;\ta\t=\tb", ";a;b;c=d;e=\"\""}) {
        expect_chunked("5" + std::string{extension} + "\r\nhello\r\n0" + extension + "\r\n\r\n", "hello");
    }
    for (const char* extension : {";", " ", "\t", ";a=", ";=b", ";a ", ";a=b c", ";a=\"b\"c", ";a=b=c", ";\x01",
                                  ";a=\"\x01\"", ";a=\"\\\x01\"", " a", ";a=b ", ";;a", ";\"a\""}) {
        expect_refused("5" + std::string{extension} + "\r\nhello\r\n0\r\n\r\n", chunk_extension_malformed);
    }
    expect_refused("5;a\nhello\r\n0\r\n\r\n", bare_lf);
    expect_refused("5;a=\"\nb\"\r\nhello\r\n0\r\n\r\n", bare_lf);
    expect_refused("5;a\rhello\r\n0\r\n\r\n", bare_cr);
    // The semicolon does not count, the CR does.
    expect_chunked("1;" + std::string(255, 'a') + "\r\nx\r\n1;" + std::string(255, 'a') + "\r\ny\r\n0\r\n\r\n", "xy");
    expect_refused("1;" + std::string(256, 'a') + "\r\nx\r\n0\r\n\r\n", chunk_extension_too_long);
    expect_refused("1;" + std::string(100'000, 'a'), chunk_extension_too_long);
}

TEST(body_reader, a_body_may_not_be_mostly_framing) {
    const auto chunks = [](std::size_t count, const std::string& extension, std::size_t size) {
        std::string all;
        for (std::size_t i = 0; i < count; ++i) {
            char hex[17];
            std::snprintf(hex, sizeof hex, "%zx", size);
            all += hex + extension + "\r\n" + std::string(size, 'z') + "\r\n";
        }
        return all + "0\r\n\r\n";
    };
    const auto read = [](const std::string& bytes) { return read_body({framing::chunked}, bytes, 1000).error; };
    const std::string long_extension = ";x=" + std::string(200, 'y');
    EXPECT_EQ(read(chunks(10'000, long_extension, 1)), parse_errc::chunk_framing_too_long);
    EXPECT_EQ(read(chunks(10'000, ";x=" + std::string(40, 'y'), 1)), parse_errc::chunk_framing_too_long);
    EXPECT_EQ(read(chunks(50, long_extension, 1)), parse_errc::none) << "a few are no attack";
    EXPECT_EQ(read(chunks(10'000, "", 1)), parse_errc::none) << "small chunks are no attack, but are read in turns";
    EXPECT_EQ(read(chunks(2'000, long_extension, 300)), parse_errc::none) << "and signatures of real chunks neither";
    EXPECT_EQ(read(chunks(1, "", 100'000) + chunks(0, "", 0)), parse_errc::none);
}

TEST(correct_proxying, line_11_trailer_fields_are_read_as_fields_and_the_dangerous_are_dropped) {
    const std::string bytes =
        "2\r\nok\r\n0\r\nX-Checksum: 9\r\ncontent-length: 4\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: "
        "c\r\n"
        "Cookie: d\r\nX-Forwarded-Whatever: e\r\nContent_Length: e\r\nx_forwarded_for: e\r\nWWW-Authenticate: "
        "f\r\nServer-Timing: g\r\n\r\nnext";
    const outcome out = read_chunked(bytes);
    ASSERT_EQ(out.last, body_reader::step::trailers);
    EXPECT_EQ(out.data, "ok");
    const std::string_view rest = std::string_view{bytes}.substr(out.consumed);
    trailer_section trailers;
    ASSERT_EQ(trailers.parse(rest), parse_status::complete);
    EXPECT_EQ(rest.substr(trailers.size()), "next");
    std::string kept;
    for (std::size_t i = 0; i < trailers.count(); ++i) {
        if (!trailers.dropped(i)) kept += trailers.line(i);
    }
    EXPECT_EQ(kept, "X-Checksum: 9\r\nServer-Timing: g\r\n");
}

TEST(correct_proxying, line_11_trailer_fields_obey_the_rules_and_limits_of_fields) {
    const auto refused = [](std::string_view text) {
        trailer_section trailers;
        EXPECT_EQ(trailers.parse(text, {.bytes = 100, .start_line = 100, .fields = 2}), parse_status::refused) << text;
        return trailers.error();
    };
    EXPECT_EQ(refused("X : y\r\n\r\n"), space_before_colon);
    EXPECT_EQ(refused("X: y\n\r\n"), bare_lf);
    EXPECT_EQ(refused("X: y\r\n z\r\n\r\n"), folded_line);
    EXPECT_EQ(refused(" X: y\r\n\r\n"), space_before_first_field);
    EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), space_before_colon);
    EXPECT_EQ(refused("A: 1\r\nB: 2\r\nC: 3\r\n\r\n"), too_many_fields);
    EXPECT_EQ(refused("A: " + std::string(200, 'x')), head_too_large);
}

TEST(correct_proxying, line_12_a_message_without_body_is_complete_at_once) {
    body_reader none{framing{}};
    EXPECT_TRUE(none.finished());
    EXPECT_EQ(none.next("GET /").kind, body_reader::step::end);
    EXPECT_EQ(none.next("GET /").consumed, 0U);
}

TEST(correct_proxying, line_15_a_body_that_ends_early_is_not_whole) {
    const auto whole_after = [](framing how, std::string_view bytes) {
        body_reader body{how};
        while (!bytes.empty()) {
            const auto step = body.next(bytes);
            if (step.consumed == 0) break;
            bytes.remove_prefix(step.consumed);
        }
        return body.whole_at_close();
    };
    EXPECT_FALSE(whole_after({framing::length, 5}, "hell"));
    EXPECT_TRUE(whole_after({framing::length, 5}, "hello"));
    EXPECT_TRUE(whole_after({framing::until_close}, "hell"));
    EXPECT_TRUE(whole_after({framing::until_close}, ""));
    EXPECT_TRUE(whole_after({framing::length, 0}, ""));
    const std::string_view chunked = "5\r\nhello\r\n0\r\n\r\n";
    for (std::size_t n = 0; n < chunked.size(); ++n)
        EXPECT_FALSE(whole_after({framing::chunked}, chunked.substr(0, n))) << n;
    EXPECT_TRUE(whole_after({framing::chunked}, chunked));
    EXPECT_FALSE(whole_after({framing::chunked}, "0\r\nX: y\r\n"));
}

TEST(correct_proxying, line_16_a_body_of_any_framing_arrives_whole) {
    for (const std::size_t piece : {1U, 3U, 100U}) {
        EXPECT_EQ(read_body({framing::length, 5}, "hello and more", piece),
                  (outcome{"hello", body_reader::step::end, 5}));
        EXPECT_EQ(read_body({framing::until_close}, "hello", piece).data, "hello");
    }
}

TEST(body_reader, stays_where_it_ended) {
    body_reader body{{framing::chunked}};
    EXPECT_EQ(body.next("0\r\n\r\n").kind, body_reader::step::end);
    EXPECT_TRUE(body.finished());
    EXPECT_EQ(body.next("x").kind, body_reader::step::end);
    body_reader refused{{framing::chunked}};
    EXPECT_EQ(refused.next("x").kind, body_reader::step::refused);
    EXPECT_EQ(refused.next("0\r\n\r\n").kind, body_reader::step::refused);
    EXPECT_FALSE(refused.whole_at_close());
}

}  // namespace fusebox::http
