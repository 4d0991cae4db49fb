// Heads as they go on: what RFC 9110 has a proxy take away and add.
#pragma once

#include "messages/request_notes.hpp"

#include "messages/refusal.hpp"
#include "text/fields.hpp"

#include <fusebox/gateway/address_range.hpp>

#include <fusebox/http/gather.hpp>
#include <fusebox/http/server_connection.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::gateway {

// Why a 413.
inline constexpr std::string_view too_large_body = "the body is larger than this gateway takes";

// The fields of a head for those who decide by them.
class head_fields final : public field_source {
public:
    explicit head_fields(const http::field_section& head) noexcept : head_(head) {}
    std::optional<std::string_view> line(std::string_view name, std::size_t n) const override;

private:
    const http::field_section& head_;
};

// Collects lines of ours.
class line_writer final : public field_sink {
public:
    explicit line_writer(std::string& lines) noexcept : lines_(lines) {}
    void add(std::string_view name, std::string_view value) override {
        lines_.append(name).append(": ").append(value).append("\r\n");
    }

private:
    std::string& lines_;
};

// How a request goes on.
struct onward {
    const http::server_connection& client;   // who sends it
    std::span<const address_range> trusted;  // whose X-Forwarded-* are believed
    std::string_view pseudonym;              // ours, in Via and Forwarded
    const std::optional<std::string>& host;  // which the upstream sees; the client's when empty
    std::string_view default_host;           // for a client of HTTP/1.0 that names none
    trace_parent span{};                     // of this try
    bool keeps_trace_state = false;          // the client's tracestate belongs to it
    std::string_view request_id;
    bool keeps_underscores = true;  // in the names of strangers' fields
    bool upgrade = false;           // to what it asks for
    bool validates = false;         // by conditions of ours, instead of the client's
};

// The request for a try. `lines` has whole lines of ours already, or none. The pieces refer to `head` and `lines`.
void forwarded_request(http::gather& out, std::string& lines, std::string& scratch, const http::request_head& head,
                       const onward& how);

// The response for the client, with the framing that it gets, and with `note`, which are whole lines. The pieces
// refer to `head` and `lines`.
void forwarded_response(http::gather& out, std::string& lines, const http::response_head& head,
                        const http::server_connection::framing_plan& plan, std::string_view note);

// The lines that an answer of ours has which is no refusal.
void own_answer(std::string& lines, const proxy_status& status, std::string_view request_id);

// A 101, with what names the protocol.
void forwarded_switch(http::gather& out, const http::response_head& head);

// How many more times an OPTIONS may be forwarded (RFC 9110, section 7.6.2): most_hops when it does not say, or
// says more.
// Nothing when what it says is no number.
inline constexpr std::uint64_t most_hops = ~std::uint64_t{0};
std::optional<std::uint64_t> hops_left(const http::request_head& head) noexcept;

// Whether the request asks for one of these protocols alone.
bool upgrade_allowed(const http::request_head& head, const std::vector<std::string>& protocols) noexcept;

// Whether a 101 changes to the protocol that the request asked for.
bool switches_as_asked(const http::request_head& asked, const http::response_head& answered) noexcept;

}  // namespace fusebox::gateway
