// May this be sent again? What a retry, a hedge and a fallback ask of an attempt that has failed.
//
// Thread-safety: functions of their arguments.
#pragma once

#include "exchange/exchange_step.hpp"

#include <fusebox/gateway/configuration.hpp>

namespace fusebox::gateway {

// Nothing of the request is lost, and doing it twice does no harm.
constexpr bool may_repeat(const attempt_report& r, bool idempotent) noexcept {
    return r.body_kept && (r.untouched || idempotent);
}

// Whether this end is one of those that the route tries again after.
bool is_worth_another(const attempt_report& r, const retry_conditions& on) noexcept;

}  // namespace fusebox::gateway
