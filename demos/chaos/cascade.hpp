// The cascade: a service hangs, its callers wait for it with timeouts and retries, and are soon all that there is. Once
// without a circuit breaker, and once with one.
//
//   retry ─► circuit breaker ─► timeout per try ─► the service
//
// For the thread of its world.
#pragma once

#include <chaos/load.hpp>
#include <chaos/reality.hpp>
#include <chaos/simulation.hpp>

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/retry.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace chaos {

// By default 100 callers a second for 3 timeouts of 30 s: 9000 that wait.
struct cascade_options {
    double callers_per_second = 100;
    fusebox::duration timeout = std::chrono::seconds{30};  // of a try
    std::uint32_t tries = 3;
    fusebox::duration outage = std::chrono::seconds{90};
    bool has_breaker = true;
    std::uint32_t failures = 5;                             // so many open it,
    fusebox::duration window = std::chrono::seconds{10};    // within this time,
    fusebox::duration recovery = std::chrono::seconds{30};  // for so long; then one trial

    // All times multiplied.
    cascade_options scaled(double by) const;
};

struct cascade_figures {
    std::uint64_t callers = 0;
    std::uint64_t most_blocked = 0;        // callers waiting at the same time
    std::uint64_t blocked_at_the_end = 0;  // of the outage
    std::uint64_t service_calls = 0;       // as the service counted them
    std::uint64_t answered = 0;
    std::uint64_t failed_fast = 0;           // refused, without a call
    std::uint64_t failed_slowly = 0;         // after waiting
    fusebox::duration time_to_recover{0};    // from the healing to the last caller that it came too late for
    std::vector<std::string> transitions{};  // "   30.04 s  Circuit breaker: CLOSED → OPEN (5 failures)"
};

template <class World>
class cascade {
public:
    cascade(World& world, const cascade_options& options);

    boost::asio::awaitable<void> run();
    const cascade_figures& figures() const { return figures_; }
    std::uint64_t waiting() const { return load_.waiting(); }

private:
    boost::asio::awaitable<void> watch();
    boost::asio::awaitable<void> call();
    void note(const fusebox::circuit_event& transition);

    World& world_;
    const cascade_options options_;
    fusebox::circuit_breaker breaker_;
    fusebox::retry retry_;
    steady_load<World> load_;
    fusebox::time_point begin_{};
    fusebox::time_point healed_ = fusebox::time_point::max();
    bool over_ = false;
    bool watching_ = false;
    cascade_figures figures_;
    fusebox::subscription noting_;
};

extern template class cascade<simulation>;
extern template class cascade<reality>;

}  // namespace chaos
