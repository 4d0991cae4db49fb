// Callers: one coroutine each, at a steady rate, in any world.
#pragma once

#include <fusebox/clock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>

namespace chaos {

// Waits until then, until the caller is cancelled, or until the scenario is to end.
template <class World>
boost::asio::awaitable<void> sleep_until(World& world, fusebox::time_point at) {
    typename World::timer timer{world.executor()};
    boost::system::error_code cancelled;
    while (world.now() < at && !world.ending() && !cancelled) {
        timer.expires_at(std::min(at, fusebox::saturating_add(world.now(), World::longest_nap)));
        co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }
}

// For who waits for others to end: they take it even when the scenario is to end.
template <class World>
boost::asio::awaitable<void> a_moment(World& world) {
    typename World::timer timer{world.executor()};
    boost::system::error_code cancelled;
    timer.expires_at(world.now() + std::chrono::milliseconds{5});
    co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
}

template <class World>
class steady_load {
public:
    using caller = std::function<boost::asio::awaitable<void>()>;

    steady_load(World& world, double callers_per_second)
        : world_(world),
          interval_(std::chrono::round<fusebox::duration>(std::chrono::duration<double>{1 / callers_per_second})) {}

    // Sends one caller after the other, whether those before have ended or not, and waits until all have.
    boost::asio::awaitable<void> run(fusebox::duration how_long, caller one) {
        const auto begin = world_.now();
        for (fusebox::duration at{0}; at < how_long && !world_.ending(); at += interval_) {
            co_await sleep_until(world_, begin + at);
            ++sent_;
            ++waiting_;
            boost::asio::co_spawn(world_.executor(), one(), [this](const std::exception_ptr&) { --waiting_; });
        }
        while (waiting_ > 0) co_await a_moment(world_);
    }

    fusebox::duration interval() const { return interval_; }
    std::uint64_t sent() const { return sent_; }
    // Callers that have no answer yet, of whatever kind. From any thread.
    std::uint64_t waiting() const { return waiting_; }

private:
    World& world_;
    const fusebox::duration interval_;
    std::uint64_t sent_ = 0;
    std::atomic<std::uint64_t> waiting_{0};
};

}  // namespace chaos
