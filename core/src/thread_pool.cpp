#include "option_checker.hpp"

#include <fusebox/thread_pool.hpp>

namespace fusebox {

namespace {

thread_pool_options checked(thread_pool_options options) {
    if (auto errors = options.validate(); !errors.empty()) throw configuration_error("thread pool", std::move(errors));
    return options;
}

}  // namespace

std::vector<config_error> thread_pool_options::validate() const {
    detail::option_checker c;
    c.count("threads", threads, 1'000);
    c.require(queue <= 100'000, "queue", queue, "at most 100000");
    return c.take();
}

thread_pool::thread_pool(thread_pool_options options)
    : options_(checked(options)), places_({.max_concurrent = options_.threads + options_.queue}) {
    threads_.reserve(options_.threads);
    try {
        while (threads_.size() < options_.threads) threads_.emplace_back([this] { run(); });
    } catch (...) {
        stop();
        throw;
    }
}

thread_pool::~thread_pool() {
    stop();
}

bool thread_pool::push(job j) {
    {
        const std::scoped_lock hold(mutex_);
        if (stopping_) return false;
        queue_.push_back(std::move(j));
    }
    work_.notify_one();
    return true;
}

void thread_pool::run() {
    std::unique_lock hold(mutex_);
    for (;;) {
        work_.wait(hold, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        job next = std::move(queue_.front());
        queue_.pop_front();
        hold.unlock();
        next();
        next = {};  // what the work captured is destroyed outside the lock
        hold.lock();
    }
}

// What is queued is discarded before the threads are joined: work that runs may be waiting for it.
void thread_pool::stop() noexcept {
    std::deque<job> discarded;
    {
        const std::scoped_lock hold(mutex_);
        stopping_ = true;
        discarded.swap(queue_);
    }
    work_.notify_all();
}

thread_pool_snapshot thread_pool::snapshot() const {
    const std::scoped_lock hold(mutex_);
    const auto places = places_.snapshot();
    const auto queued = static_cast<std::uint32_t>(queue_.size());  // each holds its place until it has run
    return {.threads = options_.threads,
            .running = places.in_use - queued,
            .queued = queued,
            .queue = options_.queue,
            .rejected = places.rejected};
}

}  // namespace fusebox
