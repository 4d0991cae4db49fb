// The way back of one answer: the origin's response, as it comes, to the client that asked; and after a 101 the bytes
// of both sides. Nothing is read from one side while the other has not taken what was read before.
//
// Thread-safety: none.
#pragma once

#include "exchange/kept_part.hpp"

#include <fusebox/http/client_connection.hpp>
#include <fusebox/http/server_connection.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace fusebox::gateway {

class response_relay {
public:
    enum class state : unsigned char {
        awaits_origin,  // for its next bytes: the idle clock runs
        awaits_client,  // to take what was sent: its slowness is not the origin's
        whole,
        cut,  // the response, or the tunnel, was broken off
    };

    // A response that is no interim one. `note`: whole lines to be added; `lines`: room for ours.
    state begin(http::server_connection& client, http::client_connection& origin, kept_part& kept,
                std::string_view note, std::string& lines);
    // Sends the 101, and then whatever comes.
    state begin_tunnel(http::server_connection& client, http::client_connection& origin);
    // Something has stirred, on either side.
    state go_on();

    bool is_tunnel() const noexcept { return tunnel_; }
    std::uint64_t bytes() const noexcept { return down_; }   // of the response's body, so far
    std::uint64_t bytes_up() const noexcept { return up_; }  // through the tunnel

private:
    state relay(http::body_status status);
    state pass_both_ways();
    void send_last_chunk();

    http::server_connection* client_ = nullptr;
    http::client_connection* origin_ = nullptr;
    kept_part* kept_ = nullptr;
    std::uint64_t down_ = 0;
    std::uint64_t up_ = 0;
    bool chunked_ = false;  // the response goes out in chunks
    bool tunnel_ = false;
};

}  // namespace fusebox::gateway
