// The connections of one thread to an endpoint that rest until they are used again, and where new ones go.
//
// Thread-safety: none; `in_use` is shared by all threads.
#pragma once

#include <fusebox/http/connection_pool.hpp>
#include <fusebox/http/listener.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fusebox::gateway {

struct endpoint_connections {
    endpoint_connections(const http::pool_limits& limits, std::atomic<std::uint32_t>& used)
        : idle(limits), in_use(used) {}

    const http::socket_address& at() const noexcept { return addresses[turn % addresses.size()]; }
    // That one does not answer: the next connection is tried at another address of the name.
    void turn_away() noexcept { ++turn; }

    std::vector<http::socket_address> addresses;  // never empty in use
    std::size_t turn = 0;
    std::uint32_t moves = 0;    // how often they were others: connections from before are not kept
    std::uint64_t edition = 0;  // of the address book, when they were looked up
    http::connection_pool idle;
    std::atomic<std::uint32_t>& in_use;  // by all threads
};

}  // namespace fusebox::gateway
