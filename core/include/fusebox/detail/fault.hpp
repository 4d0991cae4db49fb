// Whose fault it is: what the end of a call says of the dependency, and what its caller gets. Every driver and every
// policy asks here. Only what the dependency did, or failed to do in the time that it was given, is charged to it.
//
//   ended by           had it begun?   verdict             the caller gets
//   caller, shutdown   no              ignored             cancelled, unmade
//   caller, shutdown   yes             ignored             cancelled
//   deadline           no              ignored             timed_out, unmade
//   deadline           yes             failure, and slow   timed_out
//   hedge_lost         yes             ignored             the winner's
//   none               yes             the classifier's    the operation's
#pragma once

#include <fusebox/error.hpp>
#include <fusebox/policy.hpp>
#include <fusebox/verdict.hpp>

#include <optional>

namespace fusebox::detail {

// Nobody wants the answer any more.
constexpr bool is_given_up(cancel_cause why) noexcept {
    return why == cancel_cause::caller || why == cancel_cause::shutdown;
}

// The first cause counts: a caller who hung up `cancelled_at`, once the deadline was over, changes nothing.
constexpr cancel_cause first_cause(cancel_cause why, time_point cancelled_at, time_point deadline) noexcept {
    return why != cancel_cause::none && cancelled_at >= deadline ? cancel_cause::deadline : why;
}

// What stands in the place of the operation's outcome; empty when that stands itself.
constexpr std::optional<rejection> answer_to(cancel_cause why, bool begun) noexcept {
    if (why == cancel_cause::deadline) return begun ? rejection{errc::timed_out} : not_made(errc::timed_out);
    if (is_given_up(why)) return begun ? rejection{errc::cancelled} : not_made(errc::cancelled);
    return {};
}

// What such an answer, or a refusal, says of the dependency.
inline report verdict_on(const rejection& answer) noexcept {
    if (answer.code == errc::timed_out && answer.was_made()) return {verdict::failure, duration::max()};
    return verdict::ignored;
}

}  // namespace fusebox::detail
