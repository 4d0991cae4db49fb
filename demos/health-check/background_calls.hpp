// A visitor who keeps clicking: asks for one address again and again, from a thread of its own.
// Ends with its destructor. Thread-safe.
#pragma once

#include <http/client.hpp>

#include <atomic>
#include <string>
#include <thread>

namespace health_check {

class background_calls {
public:
    background_calls(std::string address, fusebox::duration every);

    bool running() const { return !paused_; }
    void toggle() { paused_ = !paused_; }

private:
    std::atomic<bool> paused_{false};
    demo::http::client client_;
    std::jthread thread_;
};

}  // namespace health_check
