// What answers and errors say of an upstream: the classes in which they fall, and what each class means. A
// configuration may say it otherwise, class by class.
//
// Thread-safety: values, and functions of their arguments.
#pragma once

#include <fusebox/config_error.hpp>
#include <fusebox/verdict.hpp>

#include <array>
#include <cstddef>
#include <optional>

namespace fusebox::gateway {

// What a try, or the refusal to make one, says of the upstream.
enum class outcome : unsigned char {
    success,
    failure,   // counts against the upstream
    ignored,   // says nothing of it: the client's doing, a race of ours
    rejected,  // by us; counted by itself, never a failure
    pushback,  // the upstream asks for less: it lives
};

// The classes by which outcomes may be configured otherwise.
enum class outcome_class : unsigned char {
    ok,               // any status not named below
    client_error,     // 4xx but 429
    server_error,     // 5xx
    too_many,         // 429
    name_resolution,  // the upstream's name is not found
    connect,          // refused, unreachable, timed out
    tls,
    reset,       // closed before the head of a response
    timeout,     // connected, and no answer in time
    incomplete,  // closed in the middle of a response
    protocol,    // an answer that is not HTTP, or beyond our limits
    client,      // gone, slow, or wrong
    race,        // a reused connection that was just being closed; a hedge's loser
    ours,        // a refusal of ours, or a mistake
};
inline constexpr std::size_t outcome_class_count = 14;

// What each class means. The default is the table below; a class may be configured otherwise.
//
//   success   ok, client_error          failure   server_error, name_resolution, connect, tls, reset, timeout,
//   pushback  too_many                            incomplete, protocol
//   ignored   client, race              rejected  ours
class outcome_rules {
public:
    // Refused: `ours` is always rejected, and nothing else can be; `client` and `race` are never failures.
    std::optional<config_error> set(outcome_class group, outcome what);

    outcome of(outcome_class group) const noexcept { return by_class_[static_cast<std::size_t>(group)]; }
    outcome of_status(int status) const noexcept { return of(class_of_status(status)); }

    static outcome_class class_of_status(int status) noexcept;

    friend bool operator==(const outcome_rules&, const outcome_rules&) = default;

private:
    std::array<outcome, outcome_class_count> by_class_{
        outcome::success, outcome::success, outcome::failure, outcome::pushback, outcome::failure,
        outcome::failure, outcome::failure, outcome::failure, outcome::failure,  outcome::failure,
        outcome::failure, outcome::ignored, outcome::ignored, outcome::rejected};
};

// What a breaker or an endpoint is told of an outcome. Pushback is no failure: its Retry-After is for the retries.
constexpr verdict verdict_of(outcome o) noexcept {
    switch (o) {
        case outcome::success: return verdict::success;
        case outcome::failure: return verdict::failure;
        case outcome::ignored:
        case outcome::rejected:
        case outcome::pushback: break;
    }
    return verdict::ignored;
}

// "success", and so on; "server_error", and so on.
const char* to_string(outcome) noexcept;
const char* to_string(outcome_class) noexcept;

}  // namespace fusebox::gateway
