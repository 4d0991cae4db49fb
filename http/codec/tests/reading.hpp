// Heads read at once from literals, for tests that look at one rule.
#pragma once

#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace fusebox::http {

// A request head and the text that it points into.
struct read_request {
    explicit read_request(std::string bytes, const head_limits& limits = {}) : text(std::move(bytes)) {
        status = head.parse(text, limits);
    }
    read_request(const read_request&) = delete;

    std::string text;
    request_head head;
    parse_status status;
};

struct read_response {
    explicit read_response(std::string bytes, answered_request to = {}, const head_limits& limits = {})
        : text(std::move(bytes)) {
        status = head.parse(text, to, limits);
    }
    read_response(const read_response&) = delete;

    std::string text;
    response_head head;
    parse_status status;
};

// `fields` in an otherwise faultless message.
inline std::string post_with(std::string_view fields) {
    return "POST / HTTP/1.1\r\nHost: a.example\r\n" + std::string{fields} + "\r\n";
}
inline std::string get_with(std::string_view fields) {
    return "GET / HTTP/1.1\r\nHost: a.example\r\n" + std::string{fields} + "\r\n";
}
inline std::string ok_with(std::string_view fields) {
    return "HTTP/1.1 200 OK\r\n" + std::string{fields} + "\r\n";
}

inline void expect_refused(const std::string& request, parse_errc why, int status) {
    const read_request read{request};
    EXPECT_EQ(read.status, parse_status::refused) << request;
    EXPECT_EQ(sentence(read.head.error()), sentence(why)) << request;
    EXPECT_EQ(answer_status(read.head.error()), status) << request;
}

inline void expect_refused_response(const std::string& response, parse_errc why, answered_request to = {}) {
    const read_response read{response, to};
    EXPECT_EQ(read.status, parse_status::refused) << response;
    EXPECT_EQ(sentence(read.head.error()), sentence(why)) << response;
}

inline void expect_accepted(const std::string& request, framing body) {
    const read_request read{request};
    EXPECT_EQ(read.status, parse_status::complete) << request << sentence(read.head.error());
    EXPECT_EQ(read.head.body(), body) << request;
    EXPECT_EQ(read.head.size(), request.size());
}

inline void expect_accepted_response(const std::string& response, framing body, answered_request to = {}) {
    const read_response read{response, to};
    EXPECT_EQ(read.status, parse_status::complete) << response << sentence(read.head.error());
    EXPECT_EQ(read.head.body(), body) << response;
    EXPECT_EQ(read.head.size(), response.size());
}

}  // namespace fusebox::http
