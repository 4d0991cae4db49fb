#include "address_book.hpp"

#include <cstring>

#include <netdb.h>

namespace fusebox::gateway {

namespace {

std::vector<http::socket_address> addresses_of(const socket_address& name) {
    if (const auto numeric = http::socket_address::from(name.host, name.port)) return {*numeric};
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(name.host.c_str(), std::to_string(name.port).c_str(), &wanted, &found) != 0) return {};
    std::vector<http::socket_address> all;
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
        http::socket_address one;
        std::memcpy(&one.storage, a->ai_addr, a->ai_addrlen);
        one.size = a->ai_addrlen;
        all.push_back(one);
    }
    ::freeaddrinfo(found);
    return all;
}

}  // namespace

std::string text_of(const socket_address& a) {
    const bool six = a.host.find(':') != std::string::npos;
    return (six ? "[" + a.host + "]" : a.host) + ":" + std::to_string(a.port);
}

bool address_book::look_up(const std::vector<socket_address>& names) {
    bool changed = false;
    for (const socket_address& name : names) {
        auto found = addresses_of(name);
        if (found.empty()) continue;
        const std::scoped_lock hold(mutex_);
        auto& known = known_[text_of(name)];
        if (known == found) continue;
        known = std::move(found);
        changed = true;
    }
    return changed;
}

std::optional<http::socket_address> address_book::find(std::string_view name, std::size_t turn) const {
    const std::scoped_lock hold(mutex_);
    const auto at = known_.find(name);
    if (at == known_.end()) return std::nullopt;
    return at->second[turn % at->second.size()];
}

}  // namespace fusebox::gateway
