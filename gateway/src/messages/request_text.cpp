#include "messages/request_text.hpp"

#include "messages/forwarded_head.hpp"
#include "text/request_path.hpp"

#include "messages/forwarding.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace fusebox::gateway {

namespace {

// Escaped in another way it is the same path.
std::string_view path_of(const http::request_head& request, const path_rules& rules, std::string& scratch) {
    char normal[http::head_limits::most_bytes];
    const auto path = request_path(request.path(), rules, normal);
    return path ? std::string_view{scratch.assign(*path)} : request.path();
}

// All its lines, as the one list that they are: who repeats a field is not who sent the first line alone.
std::string_view list_of(const http::request_head& request, std::string_view name, std::string& scratch) {
    const head_fields fields{request};
    const auto first = fields.line(name, 0);
    if (!first) return "";
    if (!fields.line(name, 1)) return *first;
    scratch.assign(*first);
    for (std::size_t n = 1; const auto line = fields.line(name, n); ++n) scratch.append(", ").append(*line);
    return scratch;
}

// By its value, of which an IPv6 client has many in one network.
std::string_view network_of(std::string_view address, unsigned v6_prefix, std::string& scratch) {
    auto ip = parse_ip(address);
    if (!ip) return scratch.assign(address);
    constexpr std::array<std::uint8_t, 12> v4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::array<char, INET6_ADDRSTRLEN> room{};
    if (std::equal(v4.begin(), v4.end(), ip->begin())) {
        inet_ntop(AF_INET, ip->data() + v4.size(), room.data(), INET6_ADDRSTRLEN);
        return scratch.assign(room.data());
    }
    for (unsigned bit = v6_prefix; bit < 128; ++bit)
        (*ip)[bit / 8] = static_cast<std::uint8_t>((*ip)[bit / 8] & ~(0x80U >> (bit % 8)));
    inet_ntop(AF_INET6, ip->data(), room.data(), INET6_ADDRSTRLEN);
    scratch.assign(room.data());
    if (v6_prefix < 128) scratch.append("/").append(std::to_string(v6_prefix));
    return scratch;
}

}  // namespace

std::string_view request_text(const request_key& key, const http::server_connection& client, const configuration& in,
                              std::string& scratch) {
    const http::request_head& request = client.request();
    switch (key.from) {
        case request_key::source::path: return path_of(request, in.paths, scratch);
        case request_key::source::header: return list_of(request, key.header, scratch);
        case request_key::source::client_ip: break;
    }
    std::array<char, INET6_ADDRSTRLEN> room{};
    const std::string_view address = client_address(head_fields{request}, client.peer().ip(room), in.trusted_proxies);
    return network_of(address, key.v6_prefix, scratch);
}

}  // namespace fusebox::gateway
