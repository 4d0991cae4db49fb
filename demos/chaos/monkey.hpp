// The chaos monkey: a call that fails by chance, behind a circuit breaker, a hundred times.
//
//   circuit breaker ─► chaos ─► the service
//
// For the thread of its world.
#pragma once

#include <chaos/load.hpp>
#include <chaos/reality.hpp>
#include <chaos/simulation.hpp>

#include <fusebox/chaos.hpp>
#include <fusebox/circuit_breaker.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace chaos {

struct monkey_options {
    double fail_rate = 0.3;
    std::uint64_t calls = 100;
    fusebox::duration call_every = std::chrono::milliseconds{100};
    std::uint32_t failure_threshold = 5;
    fusebox::duration recovery_timeout = std::chrono::seconds{10};
    fusebox::duration window = std::chrono::seconds{60};
    std::optional<std::uint64_t> seed{};
};

// Takes what it prints, line by line, without their ends.
using monkey_line_sink = std::function<void(const std::string& line)>;

template <class World>
class monkey {
public:
    monkey(World& world, const monkey_options& options, monkey_line_sink print);

    boost::asio::awaitable<void> run();
    // {"state":"open","total_calls":100,…}; opened_at is in seconds since the first call, and null if it never was.
    std::string figures() const;

private:
    boost::asio::awaitable<void> call(std::uint64_t number);

    World& world_;
    const monkey_options options_;
    const monkey_line_sink print_;
    fusebox::chaos chaos_;
    fusebox::circuit_breaker breaker_;
    fusebox::time_point begin_{};
    std::optional<fusebox::time_point> opened_at_{};
    std::uint64_t failures_when_opened_ = 0;
    fusebox::subscription noting_;
};

extern template class monkey<simulation>;
extern template class monkey<reality>;

}  // namespace chaos
