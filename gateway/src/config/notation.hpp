// How single values are written in a configuration, and read back: durations with their units, percentages,
// sizes, addresses. Each reader says what is wrong and how to write it; each writer's text is read back to the
// same value. Private.
#pragma once

#include <fusebox/gateway/configuration.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace fusebox::gateway::config {

template <class T>
using reading = std::expected<T, std::string>;

// "250ms", "10s", "1.5h". Units: ns, us, ms, s, m, h, d.
reading<duration> read_duration(std::string_view text);
std::string write_duration(duration d);

// "20%" is 0.2.
reading<double> read_percentage(std::string_view text);
std::string write_percentage(double share);

// "64KiB" is 65536. Units: B, KiB, MiB, GiB, and kB, MB, GB of a thousand each.
reading<std::uint64_t> read_size(std::string_view text);
std::string write_size(std::uint64_t bytes);

// "42"; no sign, no leading zero.
reading<std::uint64_t> read_integer(std::string_view text);
// "42" or "0.5".
reading<double> read_number(std::string_view text);
std::string write_number(double number);

// "127.0.0.1:80", "orders.local:80", "[::1]:80", ":80".
reading<socket_address> read_address(std::string_view text);
std::string write_address(const socket_address& address);
// True of a host (a port may follow) that some take for an IPv4 address and others for a name, or for another
// address: 127.8, 127.0.0.010, 0x7f000008, 2130706433.
bool is_old_notation(std::string_view host);
bool is_loopback(const socket_address& address);

// "10.0.0.0/8", "fd00::/8", or one address.
reading<address_range> read_range(std::string_view text);
std::string write_range(const address_range& range);

// "503", "5xx".
reading<status_range> read_status(std::string_view text);
std::string write_status(const status_range& range);

// "10s" (in ten buckets) or "100 calls".
reading<window_options> read_window(std::string_view text);
std::string write_window(const window_options& window);

// "client_ip", "path", "header:X-Tenant".
reading<request_key> read_request_key(std::string_view text);
std::string write_request_key(const request_key& key);

// "route", "upstream", "endpoint", "header:X-Tenant".
reading<breaker_scope> read_scope(std::string_view text);
std::string write_scope(const breaker_scope& scope);

// The path of a pattern as those of requests are compared: escapes in their one spelling, dots resolved.
reading<std::string> read_path_pattern(std::string_view text);

// True for a field name of HTTP (RFC 9110, 5.6.2).
bool is_token(std::string_view text);

}  // namespace fusebox::gateway::config
