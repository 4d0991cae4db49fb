// How a call ended, as a policy hears of it.
//
// A classifier turns the result, the error or the exception of an operation into a verdict; the same
// classifier serves every state of a breaker. Slowness is told apart from the verdict: a slow success
// is still a success.
#pragma once

#include <fusebox/clock.hpp>

#include <concepts>
#include <exception>
#include <expected>
#include <optional>
#include <type_traits>
#include <utility>

namespace fusebox {

enum class verdict : unsigned char {
    success,  // the dependency did its work
    failure,  // the dependency failed: counts against it
    ignored,  // says nothing of the dependency (a bad request, a cancelled call): touches no window
};

// A verdict with what else is known of the call.
struct report {
    verdict outcome = verdict::success;
    std::optional<duration> elapsed{};      // measured by the caller; otherwise admission to settling
    std::optional<duration> retry_after{};  // the dependency's own wish (HTTP Retry-After), on failure

    report(verdict v) noexcept : outcome(v) {}
    report(verdict v, std::optional<duration> took, std::optional<duration> wish = {}) noexcept
        : outcome(v), elapsed(took), retry_after(wish) {}
};

template <class T>
inline constexpr bool is_expected = false;
template <class T, class E>
inline constexpr bool is_expected<std::expected<T, E>> = true;

// Success unless the operation threw or returned an unexpected value. Used when none is given.
struct default_classifier {
    template <class R>
    constexpr verdict operator()(const R& result) const noexcept {
        if constexpr (is_expected<R>) return result ? verdict::success : verdict::failure;
        else return verdict::success;
    }
    constexpr verdict operator()() const noexcept { return verdict::success; }
    verdict operator()(const std::exception_ptr&) const noexcept { return verdict::failure; }
};

// As default_classifier, but exceptions of the types `Ignored` (or derived from them) are ignored.
template <class... Ignored>
struct ignore_exceptions : default_classifier {
    using default_classifier::operator();
    verdict operator()(const std::exception_ptr& thrown) const {
        return (detail_matches<Ignored>(thrown) || ...) ? verdict::ignored : verdict::failure;
    }

protected:
    template <class X>
    static bool detail_matches(const std::exception_ptr& thrown) {
        try {
            std::rethrow_exception(thrown);
        } catch (const X&) {
            return true;
        } catch (...) {
            return false;
        }
    }
};

// As default_classifier, but only exceptions of the types `Recorded` are failures; all others are ignored.
template <class... Recorded>
struct record_exceptions : ignore_exceptions<Recorded...> {
    using default_classifier::operator();
    verdict operator()(const std::exception_ptr& thrown) const {
        return ignore_exceptions<Recorded...>::operator()(thrown) == verdict::ignored ? verdict::failure
                                                                                      : verdict::ignored;
    }
};

// The verdict of an HTTP status: 5xx and 429 are failures, all else is a success. A 4xx says that the
// caller was wrong, not that the service is ill.
constexpr verdict classify_http_status(int status) noexcept {
    return status >= 500 || status == 429 ? verdict::failure : verdict::success;
}

// A classifier for operations that return `R` (void included): callable with the result, and with an
// exception; answers with a verdict or a report. One that does not take exceptions counts each as a failure.
template <class C, class R>
concept classifier_of = std::is_void_v<R> || requires(C c, const R& r) {
    { c(r) } -> std::convertible_to<report>;
};

}  // namespace fusebox
