// The words of the library: one per state, event, rule and refusal, the same in code, JSON, metrics and screens.
#include <fusebox/circuit_event.hpp>
#include <fusebox/error.hpp>
#include <fusebox/pipeline_event.hpp>

namespace fusebox {

const char* to_string(circuit_state s) noexcept {
    switch (s) {
        case circuit_state::closed: return "closed";
        case circuit_state::open: return "open";
        case circuit_state::half_open: return "half_open";
        case circuit_state::disabled: return "disabled";
        case circuit_state::forced_open: return "forced_open";
        case circuit_state::metrics_only: break;
    }
    return "metrics_only";
}

const char* to_string(trip_rule r) noexcept {
    switch (r) {
        case trip_rule::none: return "none";
        case trip_rule::consecutive_failures: return "consecutive_failures";
        case trip_rule::failure_count: return "failure_count";
        case trip_rule::failure_rate: return "failure_rate";
        case trip_rule::slow_call_rate: return "slow_call_rate";
        case trip_rule::custom: return "custom";
        case trip_rule::trial_failed: return "trial_failed";
        case trip_rule::trial_slow: return "trial_slow";
        case trip_rule::trial_lost: return "trial_lost";
        case trip_rule::children: return "children";
        case trip_rule::operator_action: break;
    }
    return "operator_action";
}

const char* to_string(event_kind k) noexcept {
    switch (k) {
        case event_kind::circuit_opened: return "circuit_opened";
        case event_kind::circuit_half_opened: return "circuit_half_opened";
        case event_kind::circuit_closed: return "circuit_closed";
        case event_kind::circuit_forced_open: return "circuit_forced_open";
        case event_kind::circuit_disabled: return "circuit_disabled";
        case event_kind::circuit_metrics_only: return "circuit_metrics_only";
        case event_kind::trial_reclaimed: return "trial_reclaimed";
        case event_kind::ramp_advanced: return "ramp_advanced";
        case event_kind::circuit_reconfigured: return "circuit_reconfigured";
        case event_kind::thresholds_adjusted: return "thresholds_adjusted";
        case event_kind::call_succeeded: return "call_succeeded";
        case event_kind::call_failed: return "call_failed";
        case event_kind::call_ignored: return "call_ignored";
        case event_kind::call_rejected: break;
    }
    return "call_rejected";
}

const char* to_string(pipeline_event_kind k) noexcept {
    switch (k) {
        case pipeline_event_kind::attempt_started: return "attempt_started";
        case pipeline_event_kind::attempt_ended: return "attempt_ended";
        case pipeline_event_kind::call_refused: return "call_refused";
        case pipeline_event_kind::call_queued: return "call_queued";
        case pipeline_event_kind::call_delayed: return "call_delayed";
        case pipeline_event_kind::retry_scheduled: return "retry_scheduled";
        case pipeline_event_kind::retry_given_up: return "retry_given_up";
        case pipeline_event_kind::hedge_launched: return "hedge_launched";
        case pipeline_event_kind::fallback_used: return "fallback_used";
        case pipeline_event_kind::call_ended: break;
    }
    return "call_ended";
}

std::string rejection::message() const {
    std::string sentence = error_category().message(static_cast<int>(code));
    if (const std::string_view name = parent.name(); code == errc::parent_open && !name.empty())
        sentence = "Parent circuit " + std::string(name) + " is OPEN";
    if (unmade) sentence += " before it was made";
    if (retry_after > duration{0}) sentence += ". Retry in " + std::to_string(ceil_seconds(retry_after).count()) + "s";
    return sentence;
}

namespace {

class category final : public std::error_category {
    const char* name() const noexcept override { return "fusebox"; }
    std::string message(int code) const override {
        switch (static_cast<errc>(code)) {
            case errc::circuit_open: return "Circuit breaker is OPEN";
            case errc::parent_open: return "Parent circuit is OPEN";
            case errc::bulkhead_full: return "bulkhead full: too many concurrent requests";
            case errc::rate_limited: return "Rate limit reached";
            case errc::budget_exhausted: return "Retry budget is exhausted";
            case errc::timed_out: return "Call timed out";
            case errc::cancelled: return "Call was cancelled";
        }
        return "Unknown refusal " + std::to_string(code);
    }
};

}  // namespace

const std::error_category& error_category() noexcept {
    static const category the_category;
    return the_category;
}

std::error_code make_error_code(errc e) noexcept {
    return {static_cast<int>(e), error_category()};
}

}  // namespace fusebox
