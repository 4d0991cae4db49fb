// What the circuits and endpoints of a plan went through: transitions counted, time spent in each state, and an event
// for each change.
//
// Thread-safety: expose() from any thread. Made, and destroyed, while nothing serves.
#pragma once

#include "event_log.hpp"
#include "exposition.hpp"
#include "plan.hpp"

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

    void expose(exposition& out) const;

private:
    static constexpr std::size_t states = 6, verdicts = 10;
    // Circuits stay closed for days and half-open for seconds.
    static constexpr std::array<double, 15> bounds{0.1, 0.5, 1,   5,    10,   20,    30,   60,
                                                   120, 300, 600, 1800, 3600, 21600, 86400};

    struct stays {
        std::array<std::uint64_t, bounds.size()> up_to{};  // not cumulative; what is longer is only in `count`
        std::uint64_t count = 0;
        double seconds = 0;
    };
    struct circuit {
        std::string name;
        std::array<std::array<std::uint64_t, states>, states> moves{};
        std::array<stays, states> stayed{};
        time_point since{};
        std::int64_t wall_since = 0;
        subscription listens{};  // the first to go
    };
    using endpoint_name = std::pair<std::string, std::string>;

    void watch(const std::shared_ptr<circuit_breaker>& breaker, time_point now);
    void moved(circuit& c, const circuit_event& e);
    void changed(const verdict_change& v);
    void expose_stays(exposition& out, const circuit& c, std::size_t state) const;

    plan& plan_;
    event_log* const events_;
    mutable std::mutex mutex_;  // guards what follows, but for the subscriptions
    std::map<endpoint_name, std::array<std::uint64_t, verdicts>> endpoints_;
    std::vector<std::unique_ptr<circuit>> circuits_;
};

}  // namespace fusebox::gateway
