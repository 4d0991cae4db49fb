// How a try at an upstream ended, or why there was none: what the policies judge (the slot of a walk).
#pragma once

#include <fusebox/gateway/configuration.hpp>
#include "messages/incident.hpp"

#include <fusebox/detail/slot.hpp>
#include <fusebox/error.hpp>

#include <exception>
#include <optional>

namespace fusebox::gateway {

// What a refusal by a policy is to the client.
constexpr incident incident_of(errc e) noexcept {
    switch (e) {
        case errc::circuit_open:
        case errc::parent_open: return incident::circuit_open;
        case errc::bulkhead_full: return incident::bulkhead_full;
        case errc::rate_limited:
        case errc::budget_exhausted: return incident::rate_limited;
        case errc::timed_out: return incident::total_timeout;
        case errc::cancelled: return incident::client_gone;
    }
    return incident::internal_error;
}

class attempt_result {
public:
    explicit attempt_result(const outcome_rules& rules) noexcept : rules_(&rules) {}

    // -- What the driver says.

    // A response's head came. `again`: its failure is worth another try.
    void response(int status, bool again, duration took, std::optional<duration> retry_after) noexcept {
        *this = attempt_result{*rules_};
        status_ = status;
        again_ = again;
        took_ = took;
        retry_after_ = retry_after;
    }
    // There is no response, or not a whole one.
    void failed(incident what, bool again, duration took) noexcept {
        *this = attempt_result{*rules_};
        what_ = what;
        again_ = again;
        took_ = took;
    }

    // What failed says nothing of the other side.
    void say_nothing() noexcept { says_nothing_ = true; }

    // -- What the walk says and asks.

    void refuse(rejection answer) noexcept {
        // A try that ran out of time knows better than the clock what it was waiting for.
        const bool timed_out = answer.code == errc::timed_out && answer.was_made();
        if (timed_out && what_ && row_of(*what_).group == outcome_class::timeout) return;
        if (timed_out && what_ == incident::connection_timeout) return;
        if (answer.code == errc::cancelled && answer.was_made() && what_) return;  // so does who cut it off
        const bool again = timed_out && again_;
        *this = attempt_result{*rules_};
        what_ = incident_of(answer.code);
        refusal_ = answer;
        again_ = again;
    }
    void fail(std::exception_ptr) noexcept {  // chaos
        *this = attempt_result{*rules_};
        chaos_ = true;
        again_ = true;
    }
    detail::ending judge() const noexcept {
        if (refusal_ && !refusal_->was_made()) return {verdict::ignored, true};
        const bool late = what_ && (row_of(*what_).group == outcome_class::timeout ||
                                    *what_ == incident::connection_timeout || *what_ == incident::total_timeout);
        report how{chaos_ ? verdict::failure : verdict_of(meaning()), took_, retry_after_};
        if (refusal_ && refusal_->code == errc::timed_out) how.outcome = verdict::failure;
        if (late) how.elapsed = duration::max();
        return {how, how.outcome == verdict::failure && !again_};
    }
    bool succeeded() const noexcept { return !what_ && !chaos_ && meaning() == outcome::success; }

    // -- What came of it all.

    // Null when a response came.
    const std::optional<incident>& what() const noexcept { return what_; }
    bool by_chaos() const noexcept { return chaos_; }
    int status() const noexcept { return status_; }
    const std::optional<rejection>& refusal() const noexcept { return refusal_; }
    outcome meaning() const noexcept {
        if (chaos_) return outcome::failure;
        if (says_nothing_) return outcome::ignored;
        return what_ ? outcome_of(*what_, *rules_) : rules_->of_status(status_);
    }

    // Whether the client would be told of an error now, ours or the upstream's. A limit that the client itself has come
    // to is none: it must not be evaded by a fallback.
    bool is_error() const noexcept {
        if (chaos_) return true;
        return what_ ? row_of(*what_).status >= 500 : meaning() == outcome::failure;
    }

private:
    const outcome_rules* rules_;
    std::optional<incident> what_{};
    int status_ = 0;
    bool again_ = false;
    bool chaos_ = false;
    bool says_nothing_ = false;
    std::optional<duration> took_{};
    std::optional<duration> retry_after_{};
    std::optional<rejection> refusal_{};
};

}  // namespace fusebox::gateway
