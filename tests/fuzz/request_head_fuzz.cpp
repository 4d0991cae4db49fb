// Heads of requests: no crash; pieces make no difference; what is accepted is accepted again when written anew or
// sent on, by the strict reference, and by Boost.Beast.
#include "message_text.hpp"
#include "oracle.hpp"
#include "strict_reference.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace {

using namespace fuzz;

std::string in_pieces(std::string_view text, const http::head_limits& limits) {
    http::request_head head;
    http::parse_status status = http::parse_status::incomplete;
    std::string last = "incomplete";
    for (const std::size_t end : piece_ends(text)) {
        const exact_buffer received{text.substr(0, end)};
        status = head.parse(received.view(), limits);
        last = outcome(status, head);
        if (status != http::parse_status::incomplete) break;
    }
    return last;
}

void check_pieces(std::string_view text, const http::head_limits& limits) {
    const exact_buffer received{text};
    http::request_head head;
    const http::parse_status status = head.parse(received.view(), limits);
    const std::string whole = outcome(status, head), pieces = in_pieces(text, limits);
    require(pieces == whole, "the pieces in which bytes come make no difference", pieces, whole);
}

void check_again(const http::request_head& head) {
    const std::string anew = canonical(head);
    http::request_head again;
    require(again.parse(anew) == http::parse_status::complete, "what was accepted is accepted when written anew", anew);
    require(meaning(again) == meaning(head), "what is written anew means the same", meaning(again), meaning(head));

    http::gather out;
    out.request(head);
    out.end();
    const std::string sent = gathered(out);
    require(out.complete(), "a head always fits into the pieces");
    if (head.authority().empty()) return;  // without a Host, from HTTP/1.0: the proxy adds its own
    http::request_head next;
    require(next.parse(sent) == http::parse_status::complete, "what is sent on is accepted", sent);
    for (std::size_t i = 0; i < next.count(); ++i)
        require(!next.dropped(i), "what is sent on has no hop-by-hop field", sent);
    require(next.authority() == head.authority() && next.path() == head.path() && next.query() == head.query(),
            "what is sent on asks for the same", sent);
}

void check_reference(std::string_view text, const http::request_head& head) {
    const auto reference = reference_request(std::string{text});
    require(reference.has_value(), "what is accepted is valid to the strict reference", std::string{text});
    require(reference->size == head.size(), "the head ends where the reference sees its end");
    require(reference->framing == framing_text(head.body()), "the framing is the reference's",
            framing_text(head.body()), reference->framing);
    require(reference->fields.size() == head.count(), "the fields are the reference's");
    for (std::size_t i = 0; i < head.count(); ++i) {
        require(reference->fields[i].first == head.name(i) && reference->fields[i].second == head.value(i),
                "the fields are the reference's", std::string{head.line(i)});
    }
}

// Beast does not skip an empty line; else it is more lenient, but for its own limit on lines.
void check_beast(std::string_view text, const http::request_head& head) {
    namespace beast = boost::beast::http;
    beast::parser<true, beast::empty_body> parser;
    parser.header_limit(1U << 20);
    parser.body_limit(boost::none);
    boost::system::error_code error;
    std::string_view message = text.substr(0, head.size());
    if (message.starts_with("\r\n")) message.remove_prefix(2);
    parser.put(boost::asio::buffer(message.data(), message.size()), error);
    require(parser.is_header_done(), "what is accepted is valid to Beast", error.message(), std::string{message});
    const bool same = head.body().kind == http::framing::chunked ? parser.chunked() : !parser.chunked();
    require(same, "Beast sees the same framing");
    if (head.body().kind == http::framing::length) {
        require(parser.content_length() && *parser.content_length() == head.body().bytes, "Beast sees the same length");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text = text_of(data, size);
    check_pieces(text, {});
    check_pieces(text, {.bytes = 120, .start_line = 30, .fields = 4, .bare_lf = true});
    http::request_head head;
    if (head.parse(text) != http::parse_status::complete) return 0;
    check_again(head);
    check_reference(text, head);
    check_beast(text, head);
    return 0;
}
