// The world in which a scenario takes no time: virtual time, and a service that is pretended.
//
// A scenario is a template over its world, this one or `reality`. A world has a timer type with runtime() for it, a
// clock, and one service that can be called, made ill, healed, and asked how many calls have reached it.
//
// For one thread, which may have one simulation at a time.
#pragma once

#include <chaos/condition.hpp>

#include <fusebox/asio/virtual_time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <expected>
#include <string>

namespace chaos {

class simulation {
public:
    using timer = fusebox::asio::virtual_timer;
    // A wait is one jump.
    static constexpr fusebox::duration longest_nap = fusebox::duration::max();

    // Runs a scenario to its end.
    void run(boost::asio::awaitable<void> scenario);

    boost::asio::any_io_executor executor() { return time_.context().get_executor(); }
    fusebox::asio::basic_runtime<timer> runtime() const { return fusebox::asio::runtime_of(time_); }
    const fusebox::monotonic_clock* clock() const { return &time_; }
    fusebox::time_point now() const { return time_.now(); }
    // True once the scenario is to come to its end.
    static constexpr bool ending() { return false; }

    // One call of the service.
    boost::asio::awaitable<std::expected<void, std::string>> ask();
    boost::asio::awaitable<void> make(condition how);
    boost::asio::awaitable<std::uint64_t> calls();

private:
    fusebox::asio::virtual_time time_;
    condition condition_ = condition::healthy;
    std::uint64_t calls_ = 0;
};

}  // namespace chaos
