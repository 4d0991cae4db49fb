// All that a head says, as one text, so that two readings can be compared; and a head written anew.
#pragma once

#include <fusebox/http/gather.hpp>
#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <string>

namespace fuzz {

namespace http = fusebox::http;

inline std::string framing_text(http::framing body) {
    switch (body.kind) {
        case http::framing::none: return "none";
        case http::framing::length: return std::to_string(body.bytes);
        case http::framing::chunked: return "chunked";
        case http::framing::until_close: return "close";
    }
    return {};
}

inline std::string fields_text(const http::field_section& fields) {
    std::string text;
    for (std::size_t i = 0; i < fields.count(); ++i) {
        text += std::to_string(static_cast<int>(fields.id(i))) + (fields.dropped(i) ? "-" : "+");
        text += std::string{fields.name(i)} + ": " + std::string{fields.value(i)} + "\n";
    }
    return text;
}

inline std::string meaning(const http::request_head& head) {
    return std::string{head.method_text()} + '|' + std::string{head.target()} + '|' + std::string{head.authority()} +
           '|' + std::string{head.path()} + '|' + std::string{head.query()} + '|' +
           std::to_string(static_cast<int>(head.version())) + std::to_string(static_cast<int>(head.form())) +
           std::to_string(static_cast<int>(head.method())) + (head.keep_alive() ? "K" : "-") +
           (head.upgrade() ? "U" : "-") + (head.expects_continue() ? "E" : "-") +
           (head.accepts_trailers() ? "T" : "-") + framing_text(head.body()) + '\n' + fields_text(head);
}

inline std::string meaning(const http::response_head& head) {
    return std::to_string(head.status()) + '|' + std::string{head.reason()} + '|' +
           std::to_string(static_cast<int>(head.version())) + (head.keep_alive() ? "K" : "-") +
           (head.upgrade() ? "U" : "-") + framing_text(head.body()) + '\n' + fields_text(head);
}

// The outcome of a parse, complete or not.
template <class Head>
std::string outcome(http::parse_status status, const Head& head) {
    switch (status) {
        case http::parse_status::incomplete: return "incomplete";
        case http::parse_status::refused:
            return std::string{http::sentence(head.error())} + " at " + std::to_string(head.error_offset());
        case http::parse_status::complete: break;
    }
    return std::to_string(head.size()) + (head.has_bare_lf() ? " lf " : " ") + meaning(head);
}

inline std::string canonical_fields(const http::field_section& fields) {
    std::string text;
    for (std::size_t i = 0; i < fields.count(); ++i) {
        text += std::string{fields.name(i)} + ": " + std::string{fields.value(i)} + "\r\n";
    }
    return text + "\r\n";
}

inline std::string version_text(const http::message_head& head) {
    return head.version() == http::http_version::v1_1 ? "HTTP/1.1" : "HTTP/1.0";
}

inline std::string canonical(const http::request_head& head) {
    return std::string{head.method_text()} + ' ' + std::string{head.target()} + ' ' + version_text(head) + "\r\n" +
           canonical_fields(head);
}

inline std::string canonical(const http::response_head& head) {
    return version_text(head) + ' ' + std::to_string(head.status()) + ' ' + std::string{head.reason()} + "\r\n" +
           canonical_fields(head);
}

inline std::string gathered(const http::gather& out) {
    std::string text;
    for (const iovec& piece : out.pieces()) text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    return text;
}

}  // namespace fuzz
