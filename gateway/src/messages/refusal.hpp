// How the gateway explains a response of its own: status, Proxy-Status (RFC 9209), Retry-After, a problem document
// (RFC 9457) or one line of text, Cache-Control, and the request's id.
//
// Thread-safety: functions of their arguments; randomness is one of them.
#pragma once

#include "messages/incident.hpp"
#include "text/fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fusebox::gateway {

// Appends one member of Proxy-Status: fusebox; error=destination_unavailable; details="circuit orders is open"
// What is empty, or zero, is left out. Characters that a structured field cannot hold become '?'.
struct proxy_status {
    std::string_view proxy;   // our name; a token if it can be one, otherwise a string
    std::string_view error;   // a type of RFC 9209
    int received_status = 0;  // of the upstream's response
    std::string_view details{};
    std::string_view next_hop{};  // tells how things are laid out inside: only where that is wanted

    void append_to(std::string& out) const;
};

// Seconds for Retry-After: never before `wait` is over, at least 1, and spread by up to a fifth of the wait or a
// second, whichever is more, so that not all come back at once. `unit` is uniform in [0, 1).
std::uint64_t retry_after_seconds(duration wait, double unit) noexcept;

enum class body_kind : unsigned char { problem_json, text };

// What the client would rather read: the problem document, unless it wants none, or prefers text or HTML.
// `accept` is all lines of the field, joined; empty when there is none.
body_kind preferred_body(std::string_view accept) noexcept;

// One response of ours.
struct refusal {
    incident what = incident::internal_error;
    std::string_view upstream{};            // the service, as the client may know it
    std::string_view details{};             // for Proxy-Status and the body: "breaker orders is open for 7s more"
    std::string_view circuit_state{};       // "open", of a circuit's refusal
    std::optional<duration> retry_after{};  // how long waiting helps, if it is known
    int received_status = 0;
    std::string_view next_hop{};
    std::string_view request_id{};
    std::string_view trace_id{};
    std::optional<int> status{};  // instead of the incident's own

    int effective_status() const noexcept { return status ? *status : row_of(what).status; }
};

// Writes the fields but for the framing ones, and the body into `body` (which is replaced). Retry-After is there
// where waiting helps: with 503 and 429, and wherever retry_after is set.
void write_refusal(const refusal& r, std::string_view proxy, body_kind kind, double unit, field_sink& fields,
                   std::string& body);

}  // namespace fusebox::gateway
