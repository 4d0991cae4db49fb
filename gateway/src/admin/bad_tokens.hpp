// How often a peer has sent a token that is not the right one: who guesses is soon not listened to any more, and nobody
// else is kept out by it.
//
// Thread-safety: none.
#pragma once

#include <fusebox/clock.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace fusebox::gateway {

class bad_tokens {
public:
    static constexpr unsigned most = 10;  // of a peer in
    static constexpr duration within = std::chrono::minutes{1};

    // One more of this peer's, an IP address.
    void add(std::string_view peer, time_point now);
    // For how long nothing of this peer's is looked at any more; 0 when it may go on.
    duration shut_for(std::string_view peer, time_point now) const;

private:
    static constexpr std::size_t most_peers = 1024;  // beyond which all are forgiven, rather than memory spent

    struct guesses {
        time_point first{};
        unsigned count = 0;
    };
    std::unordered_map<std::string, guesses> of_;
};

}  // namespace fusebox::gateway
