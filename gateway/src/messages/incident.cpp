#include "messages/incident.hpp"

#include "text/http_date.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace fusebox::gateway {

namespace {

using enum incident;
using group = outcome_class;

constexpr incident_row rows[incident_count] = {
    {dns_error, "dns_error", group::name_resolution, 502, "dns_error", "The upstream's name could not be resolved"},
    {dns_timeout, "dns_timeout", group::name_resolution, 504, "dns_timeout",
     "Resolving the upstream's name took too long"},
    {connection_refused, "connection_refused", group::connect, 502, "connection_refused",
     "The upstream refused the connection"},
    {connection_timeout, "connection_timeout", group::connect, 504, "connection_timeout",
     "Connecting to the upstream took too long"},
    {destination_unroutable, "destination_unroutable", group::connect, 502, "destination_ip_unroutable",
     "There is no way to the upstream"},
    {tls_protocol_error, "tls_protocol_error", group::tls, 502, "tls_protocol_error", "TLS with the upstream failed"},
    {tls_certificate_error, "tls_certificate_error", group::tls, 502, "tls_certificate_error",
     "The upstream's certificate is not trusted"},
    {tls_alert_received, "tls_alert_received", group::tls, 502, "tls_alert_received",
     "The upstream ended TLS with an alert"},
    {connection_terminated, "connection_terminated", group::reset, 502, "connection_terminated",
     "The upstream closed the connection"},
    {connection_read_timeout, "connection_read_timeout", group::timeout, 504, "connection_read_timeout",
     "The upstream stopped sending"},
    {connection_write_timeout, "connection_write_timeout", group::timeout, 504, "connection_write_timeout",
     "The upstream stopped reading"},
    {response_timeout, "response_timeout", group::timeout, 504, "http_response_timeout",
     "The upstream did not answer in time"},
    {response_incomplete, "response_incomplete", group::incomplete, 502, "http_response_incomplete",
     "The upstream's response was cut off"},
    {response_malformed, "response_malformed", group::protocol, 502, "http_protocol_error",
     "The upstream's response is not valid HTTP"},
    {response_head_too_large, "response_head_too_large", group::protocol, 502, "http_response_header_section_size",
     "The head of the upstream's response is too large"},
    {response_body_too_large, "response_body_too_large", group::protocol, 502, "http_response_body_size",
     "The body of the upstream's response is too large"},
    {response_coding_unknown, "response_coding_unknown", group::protocol, 502, "http_response_transfer_coding",
     "The upstream's response has an unknown transfer coding"},
    {upgrade_failed, "upgrade_failed", group::protocol, 502, "http_upgrade_failed",
     "The upstream did not upgrade as asked"},
    {circuit_open, "circuit_open", group::ours, 503, "destination_unavailable", "The circuit breaker is open"},
    {no_endpoint, "no_endpoint", group::ours, 503, "destination_unavailable",
     "No endpoint of the upstream is available"},
    {bulkhead_full, "bulkhead_full", group::ours, 503, "connection_limit_reached",
     "Too many requests to the upstream at a time"},
    {rate_limited, "rate_limited", group::ours, 429, "http_request_denied", "Too many requests"},
    {forbidden, "forbidden", group::ours, 403, "http_request_denied", "The request is not allowed here"},
    {no_route, "no_route", group::ours, 404, "destination_not_found", "No route matches the request"},
    {loop_detected, "loop_detected", group::ours, 502, "proxy_loop_detected", "The request has been here before"},
    {out_of_descriptors, "out_of_descriptors", group::ours, 503, "connection_limit_reached",
     "The gateway has no connection left"},
    {no_local_port, "no_local_port", group::ours, 503, "connection_limit_reached",
     "The gateway has no local port left"},
    {out_of_memory, "out_of_memory", group::ours, 503, "connection_limit_reached",
     "The gateway's system has no memory left for a connection"},
    {internal_error, "internal_error", group::ours, 500, "proxy_internal_error", "The gateway failed"},
    {draining, "draining", group::ours, 503, "proxy_internal_response", "The gateway is shutting down"},
    {nothing_kept, "nothing_kept", group::ours, 504, "proxy_internal_response", "Nothing is kept for this request"},
    {injected_fault, "injected_fault", group::ours, 503, "proxy_internal_response", "A fault was injected"},
    {total_timeout, "total_timeout", group::timeout, 504, "http_response_timeout", "The request's time is over"},
    {client_gone, "client_gone", group::client, 499, "", "The client closed the connection"},
    {client_slow, "client_slow", group::client, 408, "http_request_error", "The client sent its request too slowly"},
    {client_malformed, "client_malformed", group::client, 400, "http_request_error", "The request is not valid HTTP"},
    {request_too_large, "request_too_large", group::client, 413, "http_request_error",
     "The request is larger than this gateway takes"},
    {request_unsupported, "request_unsupported", group::client, 501, "proxy_internal_response",
     "This gateway does not serve such requests"},
    {reuse_race, "reuse_race", group::race, 502, "connection_terminated", "The upstream closed an idle connection"},
    {hedge_lost, "hedge_lost", group::race, 502, "", "Another attempt was faster"},
};

static_assert([] {
    for (std::size_t i = 0; i < incident_count; ++i)
        if (static_cast<std::size_t>(rows[i].what) != i) return false;
    return true;
}());

}  // namespace

const incident_row& row_of(incident i) noexcept {
    return rows[static_cast<std::size_t>(i)];
}

std::optional<duration> parse_retry_after(std::string_view value, std::int64_t wall_seconds) noexcept {
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    constexpr std::int64_t longest = 365 * 86'400;  // what is beyond is "never" all the same, and does not overflow
    if (!value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
        std::int64_t seconds = 0;
        const auto read = std::from_chars(value.data(), value.data() + value.size(), seconds);
        return std::chrono::seconds{read.ec == std::errc{} ? std::min(seconds, longest) : longest};
    }
    const auto at = parse_http_date(value);
    if (!at) return std::nullopt;
    return std::chrono::seconds{std::clamp<std::int64_t>(*at - wall_seconds, 0, longest)};
}

}  // namespace fusebox::gateway
