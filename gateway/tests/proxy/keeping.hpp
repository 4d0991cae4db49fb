// A worker with a route that keeps answers, before a raw origin.
#pragma once

#include "raw_peers.hpp"

namespace fusebox::gateway {

class keeping : public proxying {
protected:
    keeping() { route().circuit_breaker->options.minimum_calls = 1000; }

    // A response with these lines, and a body.
    static std::string good(std::string_view lines, std::string_view what = "good") {
        return "HTTP/1.1 200 OK\r\n" + std::string(lines) + "Content-Length: " + std::to_string(what.size()) +
               "\r\nConnection: close\r\n\r\n" + std::string(what);
    }
    static std::string ask(std::string_view lines, std::string_view target = "/") {
        return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n";
    }
    // One request that the origin answers, and the answer's head and body.
    std::string told(const std::string& request, const std::string& response) {
        peer& c = client();
        send(c, request);
        peer& o = origin();
        EXPECT_NE(head(o), "");
        send(o, response);
        return whole(c, request);
    }
    std::string told_while_broken(const std::string& request) {
        return told(request, "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }
    // One request that the origin does not hear of.
    std::string told_by_us(const std::string& request) {
        peer& c = client();
        send(c, request);
        const std::string all = whole(c, request);
        EXPECT_FALSE(origin_is_asked()) << all;
        return all;
    }

    std::string whole(peer& c, const std::string& request) {
        std::string all = head(c);
        constexpr std::string_view length = "Content-Length: ";
        const auto at = all.find(length);
        if (at != std::string::npos && !request.starts_with("HEAD"))
            all += body(c, std::stoul(all.substr(at + length.size())));
        return all;
    }
};

class caching : public keeping {
protected:
    caching() { route().cache = cache_options{.ttl = 1min}; }
};

}  // namespace fusebox::gateway
