#include "endpoints/address_book.hpp"

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

void address_book::look_up(const std::vector<socket_address>& names) {
    for (const socket_address& name : names) learn(text_of(name), addresses_of(name));
}

void address_book::learn(const std::string& name, std::vector<http::socket_address> found) {
    if (found.empty()) return;
    const std::scoped_lock hold(mutex_);
    auto& known = known_[name];
    if (known == found) return;
    known = std::move(found);
    edition_.fetch_add(1, std::memory_order_release);
}

std::vector<http::socket_address> address_book::find(std::string_view name) const {
    const std::scoped_lock hold(mutex_);
    const auto at = known_.find(name);
    return at == known_.end() ? std::vector<http::socket_address>{} : at->second;
}

}  // namespace fusebox::gateway
