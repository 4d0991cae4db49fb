// What the coroutine driver waits with: a timer type, and the clock that goes with it.
//
// `runtime` is the real one. virtual_time.hpp has one in which waiting takes no time.
#pragma once

#include <fusebox/clock.hpp>

#include <boost/asio/steady_timer.hpp>

namespace fusebox::asio {

template <class Timer>
struct basic_runtime {
    using timer_type = Timer;  // as boost::asio::steady_timer, with a time_point of std::chrono::nanoseconds

    // The clock of the same time as Timer's; null is the system's. Must outlive the calls.
    const monotonic_clock* clock = nullptr;
};

using runtime = basic_runtime<boost::asio::steady_timer>;

}  // namespace fusebox::asio
