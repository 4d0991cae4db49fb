// Requests and responses as values, whole bodies included: what a client sends and gets, and what a handler gets
// and answers. For messages that pass through, or are too large to be kept, see client_connection and
// server_connection.
//
// They have constructors, and are no aggregates, so that they may be made inside an expression with co_await
// (g++ 12 destroys an aggregate made there twice).
//
// Thread-safety: plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::http {

struct field {
    std::string name;
    std::string value;
};

struct message {
    std::vector<field> fields{};  // in the order of the message, repeats included
    std::string body{};

    // The value of the first field with this name, in whatever case; empty when there is none.
    std::string_view get(std::string_view name) const noexcept;
    // Makes it the only field with this name.
    void set(std::string_view name, std::string value);
};

struct request : message {
    request() = default;
    request(std::string method_, std::string url_) : method(std::move(method_)), url(std::move(url_)) {}

    std::string method = "GET";
    // To be sent: "http://host:port/path?query". Received by a handler: "/path?query".
    std::string url{};

    // Of a received one; without the query.
    std::string_view path() const noexcept { return std::string_view(url).substr(0, url.find('?')); }
    // Of a received one: the part of the path that its handler's path calls {name}, decoded; empty without one.
    std::string_view parameter(std::string_view name) const noexcept;
    // Of a received one: the first name=value of its query, decoded.
    std::optional<std::string> query(std::string_view name) const;

    std::vector<field> parameters{};
};

struct response : message {
    response() = default;
    explicit response(int status_) : status(status_) {}
    response(int status_, std::string body_, std::string content_type = "text/plain; charset=utf-8") : status(status_) {
        body = std::move(body_);
        set("Content-Type", std::move(content_type));
    }

    int status = 200;
};

// Whether a field may be sent as it is: its name is a token, and nothing in its value begins another line.
bool is_sendable(const field& f) noexcept;

}  // namespace fusebox::http
