// What the circuits and endpoints of a plan went through: transitions counted, time spent in each state, and an event
// for each change.
//
// Thread-safety: expose() from any thread. Made, and destroyed, while nothing serves.
#pragma once

#include "plan/plan.hpp"
#include "telemetry/event_log.hpp"

#include <fusebox/metrics/circuit_metrics.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace fusebox::gateway {

class state_history {
public:
    // Begins to listen to the plan's circuits and endpoints; those of a header's values come and go, and are only
    // shown. `events` may be null.
    state_history(plan& of, event_log* events, time_point now);
    ~state_history();
    state_history(const state_history&) = delete;
    state_history& operator=(const state_history&) = delete;

    void expose(metrics::exposition& out) const;

private:
    static constexpr std::size_t verdicts = 10;
    using endpoint_name = std::pair<std::string, std::string>;

    void watch(const std::shared_ptr<circuit_breaker>& breaker, time_point now);
    void moved(const circuit_event& e);
    void changed(const verdict_change& v);

    plan& plan_;
    event_log* const events_;
    metrics::circuit_history circuits_;
    mutable std::mutex mutex_;  // guards the endpoints
    std::map<endpoint_name, std::array<std::uint64_t, verdicts>> endpoints_;
    std::vector<subscription> listens_;  // the first to go
};

}  // namespace fusebox::gateway
