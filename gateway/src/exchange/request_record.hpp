// What is counted of a request, and its line in the access log.
//
// Thread-safety: none; what it counts may be read from any thread.
#pragma once

#include "exchange/exchange_step.hpp"
#include "exchange/thread_resources.hpp"
#include "messages/request_notes.hpp"

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/http/server_connection.hpp>

#include <optional>
#include <string_view>

namespace fusebox::gateway {

class request_record {
public:
    explicit request_record(thread_resources& lends) noexcept : thread_(lends) {}

    // Of a new request.
    void begin(const http::server_connection& client, route_state& route) noexcept;

    void count(incident what) noexcept;
    void count_fallback(fallback_kind from) noexcept { route_counts::add(counts().fallbacks[from]); }
    void count_hit() noexcept { route_counts::add(counts().cache_hits); }
    void count_shared() noexcept { route_counts::add(counts().cache_shared); }
    void count_validated() noexcept { route_counts::add(counts().cache_validated); }
    // A final response begins.
    void response(int status) noexcept;
    // An attempt begins; it ends, with a response or with what went wrong.
    void attempt_began(std::uint32_t number) noexcept;
    void attempt_ended(const attempt_report& how) noexcept;
    // Nobody was left to be told a status.
    void lost(incident what) noexcept;

    // Its last words; the client's head must still be there.
    struct ending {
        std::string_view upstream;
        std::string_view endpoint;
        std::uint64_t request_bytes = 0;
        const circuit_breaker* breaker = nullptr;
    };
    void end(const http::server_connection& client, const ending& how) noexcept;

    request_notes notes;

private:
    route_counts& counts() noexcept { return route_->counts[thread_.number()]; }

    thread_resources& thread_;
    route_state* route_ = nullptr;
};

}  // namespace fusebox::gateway
