// Where the names of endpoints lead to: looked up when the engine starts, and now and then again, by a thread
// that serves nobody. What was found stays when a later look finds nothing.
//
// Thread-safety: all members may be called from any thread.
#pragma once

#include <fusebox/gateway/configuration.hpp>

#include <fusebox/http/listener.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::gateway {

// "host:port" as endpoints are called; an IPv6 address in brackets.
std::string text_of(const socket_address& a);

class address_book {
public:
    // Looks all of `names` up, which may take seconds; true when something has changed.
    bool look_up(const std::vector<socket_address>& names);

    // One of the addresses of "host:port"; `turn` says which, round and round. Nothing when it is not known.
    std::optional<http::socket_address> find(std::string_view name, std::size_t turn = 0) const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<http::socket_address>, std::less<>> known_;
};

}  // namespace fusebox::gateway
