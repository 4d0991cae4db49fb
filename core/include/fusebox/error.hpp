// What a policy answers when it refuses a call, and how a refusal travels beside the caller's own errors.
//
// A refusal is a value, never an exception: throwing costs about a hundred refusals. The original
// error of the protected operation always reaches the caller; only a refused call gets one of these.
#pragma once

#include <fusebox/clock.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

namespace fusebox {

// Why a call through this library ended without an answer of its own. The refusals are never retried, and
// are neutral to any breaker around the policy that refused.
enum class errc : std::uint8_t {
    circuit_open = 1,  // the breaker is open, forced open, or has no trial call left to give
    parent_open,       // a breaker above this one in its hierarchy is open
    bulkhead_full,     // no slot and no place in the queue
    rate_limited,      // no token
    budget_exhausted,  // the retry budget is spent; a pipeline gives the last attempt's own error instead

    // Not refusals.
    timed_out,  // it did not end in time: a (slow) failure if the call was made, neutral if not (rejection::was_made)
    cancelled,  // the caller gave up; neutral
};

// True when the operation was not called, because a policy said no.
constexpr bool is_refusal(errc e) noexcept {
    return e <= errc::budget_exhausted;
}

// The category of `errc`, named "fusebox".
const std::error_category& error_category() noexcept;
std::error_code make_error_code(errc e) noexcept;

// The name of a circuit in four bytes, so that a refusal can mention it and outlive it. Names are kept in a
// table for the rest of the process's life, 65 535 different ones at most; those beyond are left out of
// messages. Thread-safe.
class circuit_label {
public:
    constexpr circuit_label() noexcept = default;
    explicit circuit_label(std::string_view name);
    std::string_view name() const;  // empty when there is none

    friend bool operator==(const circuit_label&, const circuit_label&) = default;

private:
    std::uint32_t number_ = 0;
};

// A policy's own answer in place of the operation's: mostly a refusal (see is_refusal). Trivially copyable, 16 bytes.
struct rejection {
    constexpr rejection() noexcept = default;
    constexpr rejection(errc why, duration wait = {}, circuit_label above = {}) noexcept
        : code(why), parent(above), retry_after(wait) {}

    // Whether the operation was called: never by a refusal; by the others unless the call was over before it began, or
    // while it waited for a policy of ours.
    constexpr bool was_made() const noexcept { return !is_refusal(code) && !unmade; }

    errc code = errc::circuit_open;
    bool unmade = false;      // of timed_out and cancelled: the operation never began
    circuit_label parent{};   // which circuit it was, of parent_open
    duration retry_after{0};  // how long until a call may succeed; never negative; zero when unknown

    // One sentence for a person, for instance "Circuit breaker is OPEN. Retry in 5s" (rounded up).
    std::string message() const;

    // The same answer, however far the call had come.
    friend constexpr bool operator==(const rejection& a, const rejection& b) noexcept {
        return a.code == b.code && a.parent == b.parent && a.retry_after == b.retry_after;
    }
};

// timed_out or cancelled, of a call that was over before it was made.
constexpr rejection not_made(errc why) noexcept {
    rejection answer{why};
    answer.unmade = true;
    return answer;
}

// `d` rounded up to whole seconds, as the HTTP field Retry-After wants it. Not negative.
constexpr std::chrono::seconds ceil_seconds(duration d) noexcept {
    return std::chrono::ceil<std::chrono::seconds>(d < duration{0} ? duration{0} : d);
}

// The error of a protected operation that has errors of its own: either that error, untouched, or a
// refusal by a policy.
template <class E>
class call_error {
public:
    call_error(rejection r) : value_(std::in_place_index<0>, r) {}
    call_error(E e) : value_(std::in_place_index<1>, std::move(e)) {}

    // The policy's answer, or null when the operation ran and failed by itself.
    const rejection* rejected() const noexcept { return std::get_if<0>(&value_); }

    // The operation's own error, or null when it gave none.
    const E* error() const noexcept { return std::get_if<1>(&value_); }
    E* error() noexcept { return std::get_if<1>(&value_); }

    friend bool operator==(const call_error&, const call_error&) = default;

private:
    std::variant<rejection, E> value_;
};

}  // namespace fusebox

template <>
struct std::is_error_code_enum<fusebox::errc> : std::true_type {};
