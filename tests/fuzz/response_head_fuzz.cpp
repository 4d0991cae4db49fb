// Heads of responses, as request_head_fuzz. Their buffer is mended in place, so each reading has its own copy.
#include "message_text.hpp"
#include "oracle.hpp"
#include "strict_reference.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace {

using namespace fuzz;

std::string in_pieces(std::string_view text, http::answered_request to, const http::head_limits& limits) {
    http::response_head head;
    std::string mended, last = "incomplete";
    for (const std::size_t end : piece_ends(text)) {
        exact_buffer received{mended + std::string{text.substr(mended.size(), end - mended.size())}};
        const http::parse_status status = head.parse(received.bytes(), to, limits);
        last = outcome(status, head);
        if (status != http::parse_status::incomplete) break;
        mended = received.view();
    }
    return last;
}

void check_pieces(std::string_view text, http::answered_request to, const http::head_limits& limits) {
    exact_buffer received{text};
    http::response_head head;
    const http::parse_status status = head.parse(received.bytes(), to, limits);
    const std::string whole = outcome(status, head), pieces = in_pieces(text, to, limits);
    require(pieces == whole, "the pieces in which bytes come make no difference", pieces, whole);
}

void check_again(const http::response_head& head, http::answered_request to) {
    std::string anew = canonical(head);
    http::response_head again;
    require(again.parse(anew, to) == http::parse_status::complete, "what was accepted is accepted when written anew",
            anew);
    require(meaning(again) == meaning(head), "what is written anew means the same", meaning(again), meaning(head));

    http::gather out;
    out.response(head);
    out.end();
    std::string sent = gathered(out);
    require(out.complete(), "a head always fits into the pieces");
    http::response_head next;
    require(next.parse(sent, to) == http::parse_status::complete, "what is sent on is accepted", sent);
    for (std::size_t i = 0; i < next.count(); ++i)
        require(!next.dropped(i), "what is sent on has no hop-by-hop field", sent);
    require(next.status() == head.status() && next.reason() == head.reason(), "what is sent on says the same", sent);
}

// A mended value may have other blanks in the place of a fold.
std::string squeezed(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool is_blank = c == ' ' || c == '\t';
        if (!is_blank) out += c;
        else if (!out.empty() && out.back() != ' ') out += ' ';
    }
    return out;
}

void check_reference(std::string_view text, const http::response_head& head, http::answered_request to) {
    const auto reference = reference_response(std::string{text}, to.head, to.upgrade);
    require(reference.has_value(), "what is accepted is valid to the strict reference", std::string{text});
    require(reference->size == head.size(), "the head ends where the reference sees its end");
    require(reference->framing == framing_text(head.body()), "the framing is the reference's",
            framing_text(head.body()), reference->framing);
    require(reference->fields.size() == head.count(), "the fields are the reference's");
    for (std::size_t i = 0; i < head.count(); ++i) {
        require(reference->fields[i].first == head.name(i) &&
                    squeezed(reference->fields[i].second) == squeezed(head.value(i)),
                "the fields are the reference's", std::string{head.line(i)});
    }
}

// Told of the head as it was mended.
void check_beast(const http::response_head& head) {
    namespace beast = boost::beast::http;
    beast::parser<false, beast::empty_body> parser;
    parser.header_limit(1U << 20);
    parser.body_limit(boost::none);
    boost::system::error_code error;
    const std::string message = canonical(head);
    parser.put(boost::asio::buffer(message), error);
    require(parser.is_header_done(), "what is accepted is valid to Beast", error.message(), message);
    require(parser.get().result_int() == static_cast<unsigned>(head.status()), "Beast sees the same status");
}

void check(const std::string& text, http::answered_request to) {
    check_pieces(text, to, {});
    check_pieces(text, to, {.bytes = 120, .start_line = 30, .fields = 4, .bare_lf = true});
    std::string bytes = text;
    http::response_head head;
    if (head.parse(bytes, to) != http::parse_status::complete) return;
    check_again(head, to);
    check_reference(text, head, to);
    check_beast(head);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text = text_of(data, size);
    check(text, {});
    check(text, {.head = true, .upgrade = true});
    return 0;
}
