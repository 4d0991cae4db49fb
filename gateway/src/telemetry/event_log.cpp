#include "telemetry/event_log.hpp"

#include <csignal>
#include <utility>

namespace fusebox::gateway {

event_log::event_log(log_output to, log_level least, duration patience)
    : to_(std::move(to)), form_(to_.form()), least_(least), patience_(patience), thread_([this] { run(); }) {}

event_log::~event_log() {
    {
        const std::scoped_lock hold(mutex_);
        ending_ = true;
        give_up_at_ = saturating_add(steady_now(), patience_);
    }
    came_.notify_one();
    thread_.join();
}

void event_log::add(std::string line) {
    {
        const std::scoped_lock hold(mutex_);
        if (waiting_.size() == most_waiting) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        waiting_.push_back(std::move(line));
    }
    came_.notify_one();
}

void event_log::run() {
    sigset_t pipe;  // that nobody reads any more is an error like others
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    std::unique_lock hold(mutex_);
    for (;;) {
        came_.wait(hold, [this] { return ending_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const std::string line = std::move(waiting_.front());
        waiting_.pop_front();
        hold.unlock();
        dropped_.fetch_add(to_.write(line, give_up_at_), std::memory_order_relaxed);
        hold.lock();
    }
}

}  // namespace fusebox::gateway
