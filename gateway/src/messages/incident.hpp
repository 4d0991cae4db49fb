// Everything that can happen to a request on its way, in one table: what it says of the upstream, and what the
// client is told.
//
// Names and recommended statuses of the errors are those of RFC 9209, section 2.3. The rule behind the statuses:
// 502 when the dependency failed, 503 when we refused, 504 when time ran out.
//
// Thread-safety: constants, and functions of their arguments.
#pragma once

#include <fusebox/gateway/outcomes.hpp>

#include <fusebox/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::gateway {

enum class incident : unsigned char {
    // The upstream's part.
    dns_error,
    dns_timeout,
    connection_refused,
    connection_timeout,
    destination_unroutable,
    tls_protocol_error,
    tls_certificate_error,
    tls_alert_received,
    connection_terminated,
    connection_read_timeout,
    connection_write_timeout,
    response_timeout,
    response_incomplete,
    response_malformed,
    response_head_too_large,
    response_body_too_large,
    response_coding_unknown,
    upgrade_failed,
    // Refused by us.
    circuit_open,
    no_endpoint,
    bulkhead_full,
    rate_limited,
    forbidden,
    no_route,
    loop_detected,
    out_of_descriptors,
    no_local_port,
    out_of_memory,  // of the system's, for sockets and what belongs to them: ENOMEM, ENOBUFS, ENOSPC
    internal_error,
    draining,
    nothing_kept,    // and the client wants nothing but a kept answer
    injected_fault,  // chaos
    total_timeout,   // the whole request's time is over
    // The client's part.
    client_gone,
    client_slow,
    client_malformed,
    request_too_large,
    request_unsupported,
    // Nobody's part.
    reuse_race,
    hedge_lost,
};
inline constexpr std::size_t incident_count = 40;

struct incident_row {
    incident what;
    std::string_view name;  // in logs, metrics and JSON
    outcome_class group;
    int status;              // what the client is told, if this is the end of the request
    std::string_view error;  // of Proxy-Status; empty: none
    std::string_view title;  // one line for a person
};

// The row of an incident.
const incident_row& row_of(incident i) noexcept;

// What it means by these rules.
inline outcome outcome_of(incident i, const outcome_rules& rules) noexcept {
    return rules.of(row_of(i).group);
}

// The wish in a Retry-After field: seconds, or a date, which needs the wall clock (seconds since 1970). Never
// negative. Nothing when it is neither.
std::optional<duration> parse_retry_after(std::string_view value, std::int64_t wall_seconds) noexcept;

}  // namespace fusebox::gateway
