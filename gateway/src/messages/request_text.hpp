// What there is to read in a request: whether anything at all, and the part by which a policy or a balancer tells
// requests apart.
#pragma once

#include <fusebox/gateway/configuration.hpp>

#include <fusebox/http/server_connection.hpp>

#include <string>
#include <string_view>

namespace fusebox::gateway {

// Whether it is HTTP: of what is not, nothing is believed.
inline bool is_readable(const http::request_head& request) noexcept {
    return request.error() == http::parse_errc::none && request.size() != 0;
}

// The client's address as those tell it who are trusted, in one spelling, of IPv6 its network; the normalised path; or
// a header's value, of several lines all of them: "" when there is none. Valid while the request and `scratch` are.
std::string_view request_text(const request_key& key, const http::server_connection& client, const configuration& in,
                              std::string& scratch);

}  // namespace fusebox::gateway
