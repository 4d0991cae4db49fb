// What can be wrong with an HTTP/1 message: a code, one sentence for a person, the status that answers it.
//
// A refused message has no trustworthy end, so its connection must be closed after the answer: whatever follows
// on it may be the rest of an attack. From a server it is a bad gateway (502) whatever the code.
#pragma once

#include <cstdint>
#include <string_view>

namespace fusebox::http {

enum class parse_errc : std::uint8_t {
    none,

    // The start line.
    start_line_malformed,
    start_line_too_long,
    method_too_long,
    version_malformed,
    version_unsupported,
    target_malformed,
    target_has_fragment,
    target_form_mismatch,
    connect_not_served,
    status_malformed,
    switch_not_asked,

    // Lines and fields.
    limits_invalid,
    head_too_large,
    too_many_fields,
    bare_cr,
    bare_lf,
    control_character,
    space_before_first_field,
    folded_line,
    field_name_empty,
    field_name_invalid,
    space_before_colon,
    colon_missing,

    // What the fields say.
    content_length_malformed,
    content_length_repeated,
    content_length_beside_transfer_encoding,
    transfer_encoding_in_http_1_0,
    transfer_encoding_repeated,
    transfer_encoding_malformed,
    transfer_coding_unknown,
    host_missing,
    host_repeated,
    host_malformed,
    connection_malformed,
    connection_too_long,
    connection_names_end_to_end_field,
    expectation_unknown,

    // The body.
    chunk_size_malformed,
    chunk_size_too_long,
    chunk_extension_malformed,
    chunk_extension_too_long,
    chunk_framing_too_long,
    chunk_data_unterminated,
    body_truncated,
};

// One sentence that says what was found and what is wanted.
std::string_view sentence(parse_errc e) noexcept;

// The status that answers a request refused for this reason: 400, 405, 414, 417, 431, 500, 501 or 505.
int answer_status(parse_errc e) noexcept;

// What a call of parse() came to.
enum class parse_status : std::uint8_t {
    incomplete,  // more bytes are needed
    complete,
    refused,  // see error() and error_offset(); nothing else may be asked
};

}  // namespace fusebox::http
