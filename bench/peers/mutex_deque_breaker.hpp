// The breaker that most people write first: a mutex, and a deque with the last n verdicts that is
// counted through at each call. Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

namespace bench {

class mutex_deque_breaker {
public:
    explicit mutex_deque_breaker(std::size_t window) : window_(window) {}

    template <class F>
    std::optional<int> call(F operation) {
        {
            const std::scoped_lock hold(mutex_);
            if (open_) {
                if (std::chrono::steady_clock::now() < retry_at_) return std::nullopt;
                open_ = false;
                failed_.clear();
            }
        }
        const int result = operation();
        const std::scoped_lock hold(mutex_);
        failed_.push_back(result < 0);
        if (failed_.size() > window_) failed_.pop_front();
        const auto failures = static_cast<std::size_t>(std::count(failed_.begin(), failed_.end(), true));
        if (failed_.size() == window_ && failures * 2 >= window_) {
            open_ = true;
            retry_at_ = std::chrono::steady_clock::now() + std::chrono::seconds{5};
        }
        return result;
    }

private:
    std::mutex mutex_;
    std::size_t window_;
    std::deque<bool> failed_;
    bool open_ = false;
    std::chrono::steady_clock::time_point retry_at_{};
};

}  // namespace bench
