#include "messages/request_text.hpp"

#include "messages/forwarded_head.hpp"

#include "messages/forwarding.hpp"

#include <fusebox/http/path.hpp>

#include <array>

namespace fusebox::gateway {

namespace {

// Escaped in another way it is the same path.
std::string_view path_of(const http::request_head& request, std::string& scratch) {
    char normal[http::head_limits::most_bytes];
    const auto path = http::normalise_path(request.path(), normal);
    return path ? std::string_view{scratch.assign(*path)} : request.path();
}

}  // namespace

std::string_view request_text(const request_key& key, const http::server_connection& client,
                              std::span<const address_range> trusted, std::string& scratch) {
    const http::request_head& request = client.request();
    switch (key.from) {
        case request_key::source::path: return path_of(request, scratch);
        case request_key::source::header: return request.find(key.header).value_or("");
        case request_key::source::client_ip: break;
    }
    std::array<char, INET6_ADDRSTRLEN> room{};
    scratch = client.peer().ip(room);
    return client_address(head_fields{request}, scratch, trusted);
}

}  // namespace fusebox::gateway
