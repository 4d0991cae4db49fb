// What happens to the gateway itself, a line for each event: circuits that open, endpoints that go and return.
//
// Events are rare. Whoever tells one formats it and goes on; a thread writes. When its output stands still, events
// are dropped and counted.
//
// Thread-safety: all members may be called from any thread.
#pragma once

#include "telemetry/log_output.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace fusebox::gateway {

class event_log {
public:
    // What is below `least` is not written. At its end, what is not written within `patience` is dropped.
    event_log(log_output to, log_level least, duration patience = std::chrono::seconds{1});
    ~event_log();
    event_log(const event_log&) = delete;
    event_log& operator=(const event_log&) = delete;

    // `fill(log_line&)` adds what there is to say.
    template <class Fill>
    void tell(log_level level, std::string_view event, Fill fill) {
        if (level < least_) return;
        std::string text;
        {
            log_line line{text, form_, wall_now(), level, event};
            fill(line);
        }
        add(std::move(text));
    }
    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t most_waiting = 1024;

    void add(std::string line);
    void run();

    log_output to_;
    const log_form form_;
    const log_level least_;
    const duration patience_;
    std::mutex mutex_;  // guards what follows, and is not held while lines are written
    std::condition_variable came_;
    std::deque<std::string> waiting_;
    bool ending_ = false;

    std::atomic<time_point> give_up_at_{time_point::max()};
    std::atomic<std::uint64_t> dropped_{0};
    std::jthread thread_;
};

}  // namespace fusebox::gateway
