// The breaker of many tutorials: the times of the last failures in a list under a lock, pruned when one
// is added; so many failures within the window open it. Thread-safe.
//
// One lock at admission, one at settling; a success reads no clock, a refusal reads one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace bench {

class failure_list_breaker {
public:
    using clock = std::chrono::steady_clock;

    failure_list_breaker(std::size_t failures_to_open, clock::duration window, clock::duration open_for)
        : threshold_(failures_to_open), window_(window), open_for_(open_for) {}

    template <class F>
    std::optional<int> call(F operation) {
        if (!admit()) return std::nullopt;
        const int result = operation();
        result < 0 ? note_failure() : note_success();
        return result;
    }

private:
    enum class phase { closed, open, half_open };

    bool admit() {
        const std::scoped_lock hold(mutex_);
        ++calls_;
        if (phase_ != phase::open) return true;
        if (clock::now() - opened_at_ < open_for_) return false;
        phase_ = phase::half_open;
        return true;
    }

    void note_success() {
        const std::scoped_lock hold(mutex_);
        ++successes_;
        if (phase_ != phase::half_open) return;
        phase_ = phase::closed;
        failed_at_.clear();
    }

    void note_failure() {
        const std::scoped_lock hold(mutex_);
        const auto now = clock::now();
        failed_at_.push_back(now);
        std::vector<clock::time_point> recent;
        for (const auto at : failed_at_)
            if (at > now - window_) recent.push_back(at);
        failed_at_ = std::move(recent);
        if (phase_ == phase::half_open || failed_at_.size() >= threshold_) {
            phase_ = phase::open;
            opened_at_ = now;
        }
    }

    std::mutex mutex_;
    phase phase_ = phase::closed;
    clock::time_point opened_at_{};
    std::vector<clock::time_point> failed_at_;
    std::uint64_t calls_ = 0;
    std::uint64_t successes_ = 0;
    const std::size_t threshold_;
    const clock::duration window_;
    const clock::duration open_for_;
};

}  // namespace bench
