// Circuit breakers as Prometheus metrics.
//
//   metrics::circuit_history history;
//   history.watch(breaker);
//   …
//   metrics::exposition out;
//   metrics::expose_circuits(out, {&breaker});
//   history.expose(out);
//   answer("text/plain; version=0.0.4", out.take());
//
// The label `service` is the breaker's name. No I/O: how the text is served is the caller's business.
#pragma once

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/clock.hpp>
#include <fusebox/metrics/exposition.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fusebox::metrics {

// What circuits are now, and what they have counted: circuit_breaker_state, circuit_breaker_calls_blocked_total,
// circuit_breaker_calls_total and circuit_breaker_open_total. Thread-safe.
void expose_circuits(exposition& out, const std::vector<const circuit_breaker*>& circuits);

// What circuits went through: transitions by their ends, and the time spent in each state, observed when it is left
// (circuit_breaker_state_transitions_total, circuit_breaker_time_in_state_seconds,
// circuit_breaker_state_since_timestamp_seconds). The series of the usual states are there from the start.
//
// Thread-safety: watch() while nothing calls expose(); expose() from any thread.
class circuit_history {
public:
    circuit_history() = default;
    circuit_history(const circuit_history&) = delete;
    circuit_history& operator=(const circuit_history&) = delete;

    // `circuit` must outlive the history. `now` is its clock's.
    void watch(circuit_breaker& circuit, time_point now = steady_now());
    void expose(exposition& out) const;

private:
    static constexpr std::size_t states = 6;
    // In seconds. Circuits stay closed for days and half-open for seconds.
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
        double wall_since = 0;   // seconds of Unix time
        subscription listens{};  // the first to go
    };

    void moved(circuit& c, const circuit_event& e);
    static void expose_stays(exposition& out, const circuit& c, std::size_t state);

    mutable std::mutex mutex_;  // guards the circuits, but for their subscriptions
    std::vector<std::unique_ptr<circuit>> circuits_;
};

}  // namespace fusebox::metrics
