// What a shared cache may do with a request and its answer: RFC 9111 (caching), with stale-if-error of RFC 5861;
// validation.hpp has its section 4.3.
//
// A route keeps answers for two reasons: to give them again while they are fresh (cache), and to give them instead of
// an error (fallback.stale_if_error, cache.stale_for). Where the origin says how long an answer is fresh, that goes
// before the route's ttl.
//
// Thread-safety: functions of their arguments.
#pragma once

#include <fusebox/gateway/configuration.hpp>

#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <optional>

namespace fusebox::gateway {

// What is asked of the cache.
struct cache_request {
    bool may_keep = false;        // its answer
    bool may_be_fresh = false;    // it may be answered with what is kept, instead of being forwarded
    bool may_be_stale = false;    // and so when forwarding it has failed
    bool may_validate = false;    // what is kept may be put to the origin instead of its own conditions
    bool conditional = false;     // it has such
    bool credentials = false;     // it may only get what its origin calls public
    bool only_if_cached = false;  // it must not be forwarded
    duration max_age = duration::max();
    duration min_fresh{0};
};
cache_request cache_request_of(const http::request_head& head) noexcept;

// How long an answer may be given, from the moment that it comes.
struct cache_terms {
    duration age{0};               // that it comes with
    duration fresh_for{0};         // by its origin's word, or the route's; may be over already
    duration instead_of_error{0};  // may be longer
    bool is_public = false;
};
// Nothing when it may not be kept, or not for any time. `wall_seconds` since 1970.
std::optional<cache_terms> cache_terms_of(const cache_request& asked, const http::response_head& answer,
                                          const route_configuration& route, std::int64_t wall_seconds) noexcept;

}  // namespace fusebox::gateway
