// Which endpoint an attempt of a request goes to: what the balancer picks, but for those that were tried before and
// those that have no place left; where each endpoint has a breaker, one whose breaker may let it pass.
//
// Thread-safety: none.
#pragma once

#include "exchange/thread_resources.hpp"

#include <fusebox/http/server_connection.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace fusebox::gateway {

class endpoint_choice {
public:
    explicit endpoint_choice(thread_resources& lends) noexcept : thread_(lends) {}

    // Of a new request, or of another upstream.
    void begin(const http::server_connection& client, upstream_state& to) noexcept {
        client_ = &client;
        to_ = &to;
        tried_count_ = 0;
    }
    // `first`: an attempt that may be a trial of its endpoint.
    std::optional<balancer::lease> pick(bool first);
    // Likewise, and the breaker that it goes through: of the lease, or where there is none, of the endpoint that admits
    // a call the soonest. Null when there is no endpoint.
    struct guarded {
        std::optional<balancer::lease> lease;
        std::shared_ptr<circuit_breaker> breaker;
    };
    guarded pick_guarded(bool first);

private:
    static constexpr std::size_t most_tried = 8;

    std::uint64_t hash_of_request() const;

    thread_resources& thread_;
    const http::server_connection* client_ = nullptr;
    upstream_state* to_ = nullptr;
    std::array<const endpoint*, most_tried> tried_{};
    std::size_t tried_count_ = 0;
};

}  // namespace fusebox::gateway
