// Everything that can happen to a request on its way, in one table: what it says of the upstream, and what the
// client is told.
//
// Names and recommended statuses of the errors are those of RFC 9209, section 2.3. The rule behind the statuses:
// 502 when the dependency failed, 503 when we refused, 504 when time ran out.
//
// Thread-safety: constants, and functions of their arguments.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>
#include <fusebox/verdict.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::gateway {

// What a try, or the refusal to make one, says of the upstream.
enum class outcome : unsigned char {
    success,
    failure,   // counts against the upstream
    ignored,   // says nothing of it: the client's doing, a race of ours
    rejected,  // by us; counted by itself, never a failure
    pushback,  // the upstream asks for less: it lives
};

// The classes by which outcomes may be configured otherwise.
enum class outcome_class : unsigned char {
    ok,               // any status not named below
    client_error,     // 4xx but 429
    server_error,     // 5xx
    too_many,         // 429
    name_resolution,  // the upstream's name is not found
    connect,          // refused, unreachable, timed out
    tls,
    reset,       // closed before the head of a response
    timeout,     // connected, and no answer in time
    incomplete,  // closed in the middle of a response
    protocol,    // an answer that is not HTTP, or beyond our limits
    client,      // gone, slow, or wrong
    race,        // a reused connection that was just being closed; a hedge's loser
    ours,        // a refusal of ours, or a mistake
};
inline constexpr std::size_t outcome_class_count = 14;

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
inline constexpr std::size_t incident_count = 39;

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

// What each class means. The default is the table below; a class may be configured otherwise.
//
//   success   ok, client_error          failure   server_error, name_resolution, connect, tls, reset, timeout,
//   pushback  too_many                            incomplete, protocol
//   ignored   client, race              rejected  ours
class outcome_rules {
public:
    // Refused: `ours` is always rejected, and nothing else can be; `client` and `race` are never failures.
    std::optional<config_error> set(outcome_class group, outcome what);

    outcome of(outcome_class group) const noexcept { return by_class_[static_cast<std::size_t>(group)]; }
    outcome of(incident i) const noexcept { return of(row_of(i).group); }
    outcome of_status(int status) const noexcept { return of(class_of_status(status)); }

    static outcome_class class_of_status(int status) noexcept;

    friend bool operator==(const outcome_rules&, const outcome_rules&) = default;

private:
    std::array<outcome, outcome_class_count> by_class_{
        outcome::success, outcome::success, outcome::failure, outcome::pushback, outcome::failure,
        outcome::failure, outcome::failure, outcome::failure, outcome::failure,  outcome::failure,
        outcome::failure, outcome::ignored, outcome::ignored, outcome::rejected};
};

// What a breaker or an endpoint is told of an outcome. Pushback is no failure: its Retry-After is for the retries.
constexpr verdict verdict_of(outcome o) noexcept {
    switch (o) {
        case outcome::success: return verdict::success;
        case outcome::failure: return verdict::failure;
        case outcome::ignored:
        case outcome::rejected:
        case outcome::pushback: break;
    }
    return verdict::ignored;
}

// "success", and so on; "server_error", and so on.
const char* to_string(outcome) noexcept;
const char* to_string(outcome_class) noexcept;

// The wish in a Retry-After field: seconds, or a date, which needs the wall clock (seconds since 1970). Never
// negative. Nothing when it is neither.
std::optional<duration> parse_retry_after(std::string_view value, std::int64_t wall_seconds) noexcept;

}  // namespace fusebox::gateway
