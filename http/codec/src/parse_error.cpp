#include <fusebox/http/parse_error.hpp>

namespace fusebox::http {

std::string_view sentence(parse_errc e) noexcept {
    using enum parse_errc;
    switch (e) {
        case none: return "Nothing is wrong.";
        case start_line_malformed: return "The start line must have its three parts with one space between them.";
        case start_line_too_long: return "The start line is longer than the limit.";
        case method_too_long: return "The method has no end within the limit of a start line.";
        case version_malformed: return "The version must read HTTP/1.1 or HTTP/1.0.";
        case version_unsupported: return "Only HTTP/1.1 and HTTP/1.0 are spoken here.";
        case target_malformed: return "The request target has a byte that must be percent-encoded, or no valid host.";
        case target_has_fragment: return "A request target must not have a fragment (#).";
        case target_form_mismatch: return "The request target must be a path or an http URI; * is for OPTIONS only.";
        case connect_not_served: return "CONNECT is not served here.";
        case status_malformed: return "The status must be three digits from 100 to 599, and a space must follow.";
        case switch_not_asked: return "A 101 came although no upgrade was asked for.";
        case limits_invalid: return "The limits contradict each other: start_line <= bytes <= 65535, fields <= 256.";
        case head_too_large: return "The fields take more bytes than the limit.";
        case too_many_fields: return "There are more fields than the limit.";
        case bare_cr: return "A CR must be followed by LF.";
        case bare_lf: return "A line must end with CR LF, not with LF alone.";
        case control_character: return "Control characters are not allowed here.";
        case space_before_first_field: return "No whitespace may stand between the start line and the first field.";
        case folded_line: return "A field must be on one line.";
        case field_name_empty: return "A field must have a name.";
        case field_name_invalid: return "A byte that no field name may have stands before the colon.";
        case space_before_colon: return "No whitespace may stand before the colon of a field.";
        case colon_missing: return "A field must have a colon after its name.";
        case content_length_malformed: return "Content-Length must be one number of 1 to 19 digits, below 2^63.";
        case content_length_repeated: return "Two fields Content-Length differ.";
        case content_length_beside_transfer_encoding: return "Content-Length and Transfer-Encoding exclude each other.";
        case transfer_encoding_in_http_1_0: return "HTTP/1.0 has no Transfer-Encoding.";
        case transfer_encoding_repeated: return "Transfer-Encoding must be there once.";
        case transfer_encoding_malformed: return "Transfer-Encoding must end in chunked, once, in plain letters.";
        case transfer_coding_unknown: return "The only transfer coding known here is chunked.";
        case host_missing: return "HTTP/1.1 needs the field Host.";
        case host_repeated: return "Host must be there once.";
        case host_malformed: return "Host must be a name or an address, with or without a port.";
        case connection_malformed: return "Connection must be a list of names.";
        case connection_too_long: return "Connection names more than 32 fields.";
        case connection_names_end_to_end_field: return "Connection names a field that must reach the other end.";
        case expectation_unknown: return "The only expectation known here is 100-continue.";
        case chunk_size_malformed: return "A chunk must begin with its size in hexadecimal digits and CR LF.";
        case chunk_size_too_long: return "A chunk size has more than 16 digits.";
        case chunk_extension_malformed: return "A chunk extension must read ;name or ;name=value.";
        case chunk_extension_too_long: return "The extensions of a chunk take more than 256 bytes.";
        case chunk_framing_too_long: return "A chunked body is mostly framing: send larger chunks, without extensions.";
        case chunk_data_unterminated: return "CR LF must follow the data of a chunk.";
        case body_truncated: return "The connection ended before the message did.";
    }
    return {};
}

int answer_status(parse_errc e) noexcept {
    using enum parse_errc;
    switch (e) {
        case connect_not_served: return 405;
        case start_line_too_long: return 414;
        case expectation_unknown: return 417;
        case head_too_large:
        case too_many_fields:
        case connection_too_long: return 431;
        case limits_invalid: return 500;
        case method_too_long:
        case transfer_coding_unknown: return 501;
        case version_unsupported: return 505;
        default: return 400;
    }
}

}  // namespace fusebox::http
