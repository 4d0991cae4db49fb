// The fields by which a proxy says where a request came from, and recognises one that it has seen before.
//
//   Via (RFC 9110, section 7.6.3)         a line of our own; our pseudonym there already: a loop
//   X-Forwarded-For, -Proto, -Host, Forwarded (RFC 7239)
//       from a stranger: what it says is dropped, and ours written
//       from a trusted range: ours is appended, and its protocol and host are kept
//   Max-Forwards (RFC 9110, section 7.6.2)
//
// Thread-safety: functions of their arguments.
#pragma once

#include <fusebox/gateway/address_range.hpp>
#include <fusebox/gateway/fields.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fusebox::gateway {

// True when a request has passed `pseudonym` before: answer 502, incident::loop_detected.
bool has_been_at(const field_source& request, std::string_view pseudonym) noexcept;

// Via: 1.1 fusebox. `version` is that of the message as it was received: "1.1".
void add_via(field_sink& out, std::string_view version, std::string_view pseudonym, std::string& scratch);

// Who sent a request, and over what.
struct request_origin {
    std::string_view peer;      // the address of the other end of the connection: "192.0.2.7", "2001:db8::1"
    bool peer_trusted = false;  // it lies in one of the trusted ranges
    std::string_view protocol;  // "http", "https"
    std::string_view host;      // as the request had it: "example.com:8080"
};

struct forwarding_options {
    bool host_rewritten = false;             // then X-Forwarded-Host tells the original one
    bool forwarded = false;                  // writes the standard field Forwarded beside the older ones
    std::string_view pseudonym = "fusebox";  // a token: `by` of Forwarded, as an obfuscated name (_fusebox)
};

// True for the fields that add_forwarding writes anew: the incoming lines of these are not forwarded.
bool is_forwarding_field(std::string_view name) noexcept;

// Writes them. `scratch` is for lines put together, and allocates only until it has grown to their size.
void add_forwarding(const field_source& request, const request_origin& from, const forwarding_options& options,
                    field_sink& out, std::string& scratch);

// The address of the client: the peer's, or, as long as those who say so are trusted, the one before it in
// X-Forwarded-For. Valid while the request and the peer's text are.
std::string_view client_address(const field_source& request, std::string_view peer,
                                std::span<const address_range> trusted) noexcept;
bool is_trusted(std::string_view address, std::span<const address_range> trusted) noexcept;

// What Max-Forwards asks of us. Of methods other than OPTIONS and TRACE, and when it is no number: forward it as it is.
struct max_forwards {
    bool answer_here = false;                // it is used up: we are the recipient
    std::optional<std::uint64_t> forward{};  // the field's new value
};
max_forwards check_max_forwards(const field_source& request, std::string_view method) noexcept;

}  // namespace fusebox::gateway
