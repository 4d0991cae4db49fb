// Chunked bodies with their trailer sections: pieces make no difference; what is accepted has the data and the
// trailer fields that the strict reference sees.
#include "message_text.hpp"
#include "oracle.hpp"
#include "strict_reference.hpp"

#include <fusebox/http/body_reader.hpp>

namespace {

using namespace fuzz;

struct reading {
    std::string data, end;
    std::size_t size = 0;
};

// The pieces end where `ends` says.
reading read(std::string_view text, const std::vector<std::size_t>& ends) {
    http::body_reader body{{http::framing::chunked}};
    http::trailer_section trailers;
    reading out;
    std::size_t trailers_at = 0;
    for (const std::size_t end : ends) {
        while (trailers_at == 0) {
            const exact_buffer received{text.substr(out.size, end - out.size)};
            const auto step = body.next(received.view());
            require(step.consumed <= received.view().size(), "no more is consumed than was given");
            out.data += step.slice;
            out.size += step.consumed;
            if (step.kind == http::body_reader::step::refused) return {"", std::string{http::sentence(body.error())}};
            if (step.kind == http::body_reader::step::end) {
                out.end = "whole";
                return out;
            }
            if (step.kind == http::body_reader::step::trailers) trailers_at = out.size;
            if (step.kind == http::body_reader::step::incomplete) break;
            require(step.kind != http::body_reader::step::data || !step.slice.empty(), "data is not empty");
        }
        if (trailers_at == 0) continue;
        const exact_buffer section{text.substr(trailers_at, end - trailers_at)};
        const http::parse_status status = trailers.parse(section.view());
        if (status == http::parse_status::incomplete) continue;
        if (status == http::parse_status::refused) return {"", std::string{http::sentence(trailers.error())}};
        out.end = "whole\n" + fields_text(trailers);
        out.size = trailers_at + trailers.size();
        return out;
    }
    require(!body.whole_at_close() || trailers_at != 0, "an unfinished body is not whole");
    out.end = "incomplete";
    return out;
}

void check_reference(const std::string& text, const reading& found) {
    const auto reference = reference_chunked(text);
    require(reference.has_value(), "what is accepted is valid to the strict reference", text);
    require(reference->data == found.data, "the data is the reference's", found.data, reference->data);
    require(reference->size == found.size, "the body ends where the reference sees its end", std::to_string(found.size),
            std::to_string(reference->size));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text = text_of(data, size);
    const reading whole = read(text, {text.size()}), pieces = read(text, piece_ends(text));
    require(pieces.end == whole.end || text.empty(), "the pieces in which bytes come make no difference", pieces.end,
            whole.end);
    require(pieces.data == whole.data && pieces.size == whole.size, "the pieces in which bytes come make no difference",
            pieces.data, whole.data);
    if (whole.end.starts_with("whole")) check_reference(text, whole);
    return 0;
}
