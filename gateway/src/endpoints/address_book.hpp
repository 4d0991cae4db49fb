// Where the names of endpoints lead to: looked up when the engine starts, and now and then again, by a thread
// that serves nobody. What was found stays when a later look finds nothing. Whoever remembers addresses asks for the
// edition, which costs a load, and looks again when it is another.
//
// Thread-safety: all members may be called from any thread.
#pragma once

#include <fusebox/gateway/configuration.hpp>

#include <fusebox/http/listener.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace fusebox::gateway {

// "host:port" as endpoints are called; an IPv6 address in brackets.
std::string text_of(const socket_address& a);

class address_book {
public:
    // Looks all of `names` up, which may take seconds.
    void look_up(const std::vector<socket_address>& names);
    // Where "host:port" leads to from now on; nothing new when `found` is empty.
    void learn(const std::string& name, std::vector<http::socket_address> found);

    // The addresses of "host:port", those to be preferred first. None when it is not known.
    std::vector<http::socket_address> find(std::string_view name) const;
    // Another number after each change.
    std::uint64_t edition() const noexcept { return edition_.load(std::memory_order_acquire); }

private:
    std::atomic<std::uint64_t> edition_{1};
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<http::socket_address>, std::less<>> known_;
};

}  // namespace fusebox::gateway
