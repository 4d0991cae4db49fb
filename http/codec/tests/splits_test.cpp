// Random valid messages: however the bytes are cut, the reading is the same; written anew, it means the same.
#include <fusebox/http/body_reader.hpp>
#include <fusebox/http/gather.hpp>
#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace fusebox::http {

namespace {

const std::string name_characters = "abcXYZ019!#$%&'*+-.^_`|~";
const std::string value_characters = "abcXYZ019 \t\"(),/:;<=>?@[\\]{}\x80\xff";

rc::Gen<std::string> text_of(const std::string& characters, int least, int most) {
    return rc::gen::mapcat(rc::gen::inRange(least, most + 1), [characters](int size) {
        return rc::gen::container<std::string>(static_cast<std::size_t>(size), rc::gen::elementOf(characters));
    });
}

using field_list = std::vector<std::pair<std::string, std::string>>;

// Up to twelve, of which some are known and none says anything about framing.
rc::Gen<field_list> any_fields() {
    const auto name =
        rc::gen::oneOf(text_of(name_characters, 1, 20),
                       rc::gen::elementOf(std::vector<std::string>{"Accept", "COOKIE", "set-cookie", "Via",
                                                                   "X-Forwarded-For", "TE", "Keep-Alive"}));
    const auto field = rc::gen::pair(name, text_of(value_characters, 0, 40));
    return rc::gen::mapcat(rc::gen::inRange(0, 13), [field](int count) {
        return rc::gen::container<field_list>(static_cast<std::size_t>(count), field);
    });
}

std::string lines_of(const field_list& fields, const std::string& blanks) {
    std::string text;
    for (const auto& [name, value] : fields) text += name + ":" + blanks + value + "\r\n";
    return text;
}

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t");
    return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

void expect_fields(const field_section& found, std::size_t first, const field_list& wanted) {
    RC_ASSERT(found.count() == first + wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        RC_ASSERT(std::string{found.name(first + i)} == wanted[i].first);
        RC_ASSERT(std::string{found.value(first + i)} == trimmed(wanted[i].second));
    }
}

// Reads `text` in pieces that end at random, each time from another place in memory.
template <class Parse>
parse_status in_pieces(const std::string& text, std::string& last, Parse parse) {
    std::string so_far;
    for (;;) {
        const auto piece = *rc::gen::inRange<std::size_t>(1, 30);
        std::string received = so_far + text.substr(so_far.size(), piece);
        last = std::move(received);
        const parse_status status = parse(last);
        if (status != parse_status::incomplete || last.size() == text.size()) return status;
        so_far = last;
    }
}

}  // namespace

RC_GTEST_PROP(splits, of_a_request_head_make_no_difference, ()) {
    const field_list fields = *any_fields();
    const auto blanks = *rc::gen::elementOf(std::vector<std::string>{"", " ", "\t", "  \t "});
    const auto body = *rc::gen::inRange<unsigned>(0, 1'000'000);
    const std::string text = "POST /a/b?c=d HTTP/1.1\r\nHost: a.example\r\nContent-Length: " + std::to_string(body) +
                             "\r\n" + lines_of(fields, blanks) + "\r\n";
    request_head head;
    std::string last;
    RC_ASSERT(in_pieces(text + "the body", last, [&](std::string& t) { return head.parse(t); }) ==
              parse_status::complete);
    RC_ASSERT(head.size() == text.size());
    RC_ASSERT(head.target() == "/a/b?c=d");
    RC_ASSERT(head.authority() == "a.example");
    RC_ASSERT(head.body() == (framing{framing::length, body}));
    expect_fields(head, 2, fields);
}

RC_GTEST_PROP(splits, of_a_response_head_make_no_difference, ()) {
    const field_list fields = *any_fields();
    const auto fold = *rc::gen::elementOf(std::vector<std::string>{" ", "\r\n ", " \r\n\t\r\n  "});
    std::string text = "HTTP/1.1 200 Fine\r\nServer : x\r\n" + lines_of(fields, fold) + "\r\n";
    std::string whole_text = text;
    response_head head, whole;
    std::string last;
    RC_ASSERT(in_pieces(text, last, [&](std::string& t) { return head.parse(t, {}); }) == parse_status::complete);
    RC_ASSERT(whole.parse(whole_text, {}) == parse_status::complete);
    RC_ASSERT(last == whole_text);
    RC_ASSERT(head.size() == text.size());
    RC_ASSERT(head.name(0) == "Server");
    expect_fields(head, 1, fields);
}

RC_GTEST_PROP(splits, of_a_chunked_body_make_no_difference, ()) {
    const auto chunks =
        *rc::gen::container<std::vector<std::string>>(rc::gen::nonEmpty(rc::gen::string<std::string>()));
    std::string text, wanted;
    for (const std::string& chunk : chunks) {
        text += std::string{chunk_line{chunk.size()}.text()} + chunk + "\r\n";
        wanted += chunk;
    }
    text += last_chunk;
    body_reader body{{framing::chunked}};
    std::string data;
    for (std::size_t at = 0; !body.finished();) {
        RC_ASSERT(at < text.size());
        const auto piece = *rc::gen::inRange<std::size_t>(1, 30);
        const auto step = body.next(std::string_view{text}.substr(at, piece));
        RC_ASSERT(step.kind != body_reader::step::refused);
        data += step.slice;
        at += step.consumed;
    }
    RC_ASSERT(data == wanted);
    RC_ASSERT(body.whole_at_close());
}

RC_GTEST_PROP(requests, sent_on_say_the_same_but_for_hop_by_hop_fields, ()) {
    const field_list fields = *any_fields();
    const std::string text = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close, " + *text_of("abcXYZ", 3, 5) + "\r\n" +
                             lines_of(fields, " ") + "\r\n";
    request_head head;
    RC_ASSERT(head.parse(text) == parse_status::complete);
    gather out;
    out.request(head);
    out.end();
    std::string sent;
    for (const iovec& piece : out.pieces()) sent.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    request_head again;
    RC_ASSERT(again.parse(sent) == parse_status::complete);
    field_list kept;
    for (std::size_t i = 1; i < head.count(); ++i) {
        if (!head.dropped(i)) kept.emplace_back(head.name(i), head.value(i));
    }
    expect_fields(again, 1, kept);
}

}  // namespace fusebox::http
