// Which orders of policies undo each other's work, said when a pipeline is built.
//
// Each rule has an opt-out that is written into the pipeline, where a reader sees it:
//   pipeline calls{allow_retry_inside_breaker{}, breaker, again};
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace fusebox {

// Opt-outs. They do nothing at run time.
struct allow_retry_inside_breaker {};   // the breaker then sees one verdict per call, not per try
struct allow_unbounded_tries {};        // no timeout per try, although a total one could hide an outage
struct allow_fallback_inside_retry {};  // tries whose failure the fallback hides are not retried

enum class policy_kind : unsigned char { breaker, retry, timeout, fallback, hedge, other };

namespace composition {

// What a policy is to the checks; specialised in detail/layer.hpp for those that a rule names.
template <class P>
inline constexpr policy_kind kind_of = policy_kind::other;

template <class T>
inline constexpr bool is_opt_out =
    std::is_same_v<T, allow_retry_inside_breaker> || std::is_same_v<T, allow_unbounded_tries> ||
    std::is_same_v<T, allow_fallback_inside_retry>;

struct opt_outs {
    bool retry_inside_breaker = false;
    bool unbounded_tries = false;
    bool fallback_inside_retry = false;
};

inline constexpr std::string_view retry_inside_breaker =
    "a retry inside a circuit breaker: the breaker would count a call that needed three tries as one. Put the retry "
    "before the breaker, or write allow_retry_inside_breaker{} into the pipeline";
inline constexpr std::string_view unbounded_tries =
    "a circuit breaker inside a total timeout, without a timeout per try inside it: one hanging try takes the whole "
    "time. Put a timeout after the breaker, or write allow_unbounded_tries{} into the pipeline";
inline constexpr std::string_view fallback_inside_retry =
    "a fallback inside a retry: the retry would never see a failure. Put the fallback first, or write "
    "allow_fallback_inside_retry{} into the pipeline";

// The sentence on the first rule that the order `kinds[0] … kinds[n-1]`, outermost first, breaks; or "".
constexpr std::string_view fault_in(const policy_kind* kinds, std::size_t n, opt_outs allowed) {
    bool breaker = false, retried = false, timed = false, breaker_in_timeout = false, bounded = true;
    for (std::size_t i = 0; i < n; ++i) {
        switch (kinds[i]) {
            case policy_kind::retry:
                if (breaker && !allowed.retry_inside_breaker) return retry_inside_breaker;
                retried = true;
                break;
            case policy_kind::breaker:
                breaker = true;
                if (timed) breaker_in_timeout = true, bounded = false;
                break;
            case policy_kind::timeout: timed = bounded = true; break;
            case policy_kind::fallback:
                if (retried && !allowed.fallback_inside_retry) return fallback_inside_retry;
                break;
            default: break;
        }
    }
    return breaker_in_timeout && !bounded && !allowed.unbounded_tries ? unbounded_tries : std::string_view{};
}

template <class... P>
constexpr std::string_view fault() {
    constexpr policy_kind kinds[] = {kind_of<std::remove_const_t<P>>..., policy_kind::other};
    return fault_in(
        kinds, sizeof...(P),
        {(std::is_same_v<P, allow_retry_inside_breaker> || ...), (std::is_same_v<P, allow_unbounded_tries> || ...),
         (std::is_same_v<P, allow_fallback_inside_retry> || ...)});
}

// Fails to compile with the rule's name when one is broken.
template <class... P>
consteval bool check() {
    static_assert(fault<P...>() != retry_inside_breaker,
                  "a retry inside a circuit breaker: put the retry before the breaker, or write "
                  "allow_retry_inside_breaker{} into the pipeline");
    static_assert(fault<P...>() != unbounded_tries,
                  "a circuit breaker inside a total timeout, without a timeout per try inside it: put a timeout after "
                  "the breaker, or write allow_unbounded_tries{} into the pipeline");
    static_assert(fault<P...>() != fallback_inside_retry,
                  "a fallback inside a retry: put the fallback first, or write allow_fallback_inside_retry{} into "
                  "the pipeline");
    return true;
}

}  // namespace composition

}  // namespace fusebox
