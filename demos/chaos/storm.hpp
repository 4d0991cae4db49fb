// The retry storm: three tiers, one behind the other, each of which tries three times; and a service that fails. One
// caller's call becomes 27. With one retry budget among the tiers it stays one, and a fifth; with circuit breakers it
// becomes less than one.
//
//   callers ─► tier 1 ─► tier 2 ─► tier 3 ─► the service        a tier: retry ─► circuit breaker
//
// For the thread of its world.
#pragma once

#include <chaos/load.hpp>
#include <chaos/reality.hpp>
#include <chaos/simulation.hpp>

#include <fusebox/circuit_breaker.hpp>
#include <fusebox/retry.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

namespace chaos {

struct storm_options {
    double callers_per_second = 100;
    fusebox::duration how_long = std::chrono::seconds{10};
    std::uint32_t tries = 3;  // of each tier
    bool has_budget = false;  // one for all tiers
    bool has_breakers = false;
    std::optional<std::uint64_t> seed{};  // of the pauses between tries

    storm_options scaled(double by) const;
};

struct storm_figures {
    std::uint64_t callers = 0;
    std::uint64_t service_calls = 0;  // as the service counted them
    std::uint64_t retries = 0;        // of all tiers
    std::uint64_t refused_by_budget = 0;
    std::uint64_t refused_by_breakers = 0;

    // Calls of the service for each caller.
    double amplification() const { return callers == 0 ? 0 : double(service_calls) / double(callers); }
};

template <class World>
class storm {
public:
    static constexpr std::size_t tiers = 3;

    storm(World& world, const storm_options& options);

    boost::asio::awaitable<void> run();
    const storm_figures& figures() const { return figures_; }
    std::uint64_t waiting() const { return load_.waiting(); }

private:
    using answer = std::expected<void, std::string>;

    struct tier {
        tier(World& world, const storm_options& options, std::shared_ptr<fusebox::retry_budget> budget, std::size_t n);
        fusebox::retry again;
        fusebox::circuit_breaker breaker;
    };

    boost::asio::awaitable<void> call();
    boost::asio::awaitable<answer> ask(std::size_t tier);

    World& world_;
    const storm_options options_;
    const std::shared_ptr<fusebox::retry_budget> budget_;
    std::array<tier, tiers> tiers_;
    steady_load<World> load_;
    storm_figures figures_;
};

extern template class storm<simulation>;
extern template class storm<reality>;

}  // namespace chaos
