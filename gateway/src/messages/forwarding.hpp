// The fields by which a proxy says where a request came from, and recognises one that it has seen before.
//
//   Via (RFC 9110, section 7.6.3)         a line of our own; our pseudonym there already: a loop
//   X-Forwarded-For, -Proto, -Host, Forwarded (RFC 7239)
//       from a stranger: what it says is replaced by ours
//       from a trusted range: ours is appended, and its protocol and host are kept
//       Forwarded only where the request has one: the older fields say the same
//   X-Real-IP, True-Client-IP and their like, which other proxies write, and names with _ in the place of a -, which
//   applications take for the same (X_Forwarded_For, Content_Length)
//       from a stranger: dropped
//       from a trusted range: as they came
//
// Thread-safety: functions of their arguments.
#pragma once

#include <fusebox/gateway/address_range.hpp>
#include "text/fields.hpp"

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
    std::string_view pseudonym = "fusebox";  // a token: `by` of Forwarded, as an obfuscated name (_fusebox)
};

// Writes them; the incoming lines of these fields are not to be forwarded. `scratch` is for lines put together, and
// allocates only until it has grown to their size.
void add_forwarding(const field_source& request, const request_origin& from, const forwarding_options& options,
                    field_sink& out, std::string& scratch);

// True of a field that is not believed from a stranger under any spelling. Of names that this gateway reads or writes
// itself, those with - are known by their ids, and only those with _ are told here.
bool is_for_proxies(std::string_view name) noexcept;
// The same, and any other name with _.
bool is_for_proxies_or_odd(std::string_view name) noexcept;
// True of a field whose value at the origin is not the client's: the gateway writes it, or drops it.
bool is_decided_here(std::string_view name) noexcept;

// The address of the client: the peer's, or, as long as those who say so are trusted, the one before it in
// X-Forwarded-For, where a port may follow it and empty elements say nothing. Valid while the request and the peer's
// text are.
std::string_view client_address(const field_source& request, std::string_view peer,
                                std::span<const address_range> trusted) noexcept;
bool is_trusted(std::string_view address, std::span<const address_range> trusted) noexcept;

}  // namespace fusebox::gateway
