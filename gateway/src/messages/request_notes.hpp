// What is noted of a request while it is served, for its line in the access log; and the names it goes by.
//
// Thread-safety: none; the worker's thread.
#pragma once

#include "messages/incident.hpp"
#include "messages/trace_context.hpp"

#include <fusebox/clock.hpp>
#include <fusebox/http/request_head.hpp>
#include <fusebox/random.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fusebox::gateway {

struct request_notes {
    time_point began{};
    std::optional<time_point> answered{};  // when the head of the response came that goes to the client
    std::uint64_t response_bytes = 0;
    std::uint32_t tries = 0;
    std::uint32_t hedges = 0;  // of those, sent beside another
    int status = 0;
    http::method_id method = http::method_id::other;
    std::optional<incident> what{};
    trace_parent trace{};            // every try is a child of it
    bool keeps_trace_state = false;  // the request's tracestate belongs to `trace`, and may go on
    std::array<char, 128> id{};
    std::size_t id_size = 0;

    std::string_view request_id() const noexcept { return {id.data(), id_size}; }
    std::string_view trace_id() const noexcept { return {trace.trace_id.data(), trace.trace_id.size()}; }

    // Begins anew, with the names that the request brought, or new ones. Keeps the memory.
    // `head` is null when it cannot be read.
    void begin(const http::request_head* head, splitmix64& random, time_point now) noexcept;
};

}  // namespace fusebox::gateway
