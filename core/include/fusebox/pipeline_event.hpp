// What happens to a call on its way through a pipeline; the same from both drivers.
#pragma once

#include <fusebox/error.hpp>
#include <fusebox/verdict.hpp>

#include <cstdint>
#include <functional>

namespace fusebox {

enum class pipeline_event_kind : unsigned char {
    attempt_started,
    attempt_ended,    // `outcome` says how; ignored, when it was cancelled for nobody's fault
    call_refused,     // by the policy at `position`; `answer` says why
    call_queued,      // at a bulkhead
    call_delayed,     // by a rate limiter or chaos, until `until`
    retry_scheduled,  // for `until`
    retry_given_up,
    hedge_launched,
    fallback_used,
    call_ended,  // once per call: `outcome`
};
const char* to_string(pipeline_event_kind) noexcept;

struct pipeline_event {
    pipeline_event_kind kind{};
    std::uint32_t position = 0;  // of call_refused, _queued, _delayed and hedge_launched: which policy, outermost 0
    std::uint32_t attempt = 1;
    verdict outcome = verdict::success;
    errc answer{};       // of call_refused
    time_point until{};  // of call_delayed and retry_scheduled
};

// Called in the thread of the call, holding nothing; what it throws is dropped and counted by nobody.
using pipeline_listener = std::function<void(const pipeline_event&)>;

}  // namespace fusebox
