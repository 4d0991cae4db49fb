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
    : options_(checked(options)), shop_(std::make_shared<shop>(options_.threads + options_.queue)) {
    threads_.reserve(options_.threads);
    try {
        while (threads_.size() < options_.threads) threads_.emplace_back([s = shop_] { run(*s); });
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
        const std::scoped_lock hold(shop_->mutex);
        if (shop_->stopping) return false;
        shop_->queue.push_back(std::move(j));
    }
    shop_->work.notify_one();
    return true;
}

void thread_pool::run(shop& s) {
    std::unique_lock hold(s.mutex);
    for (;;) {
        s.work.wait(hold, [&s] { return s.stopping || !s.queue.empty(); });
        if (s.stopping) return;
        job next = std::move(s.queue.front());
        s.queue.pop_front();
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
        const std::scoped_lock hold(shop_->mutex);
        shop_->stopping = true;
        discarded.swap(shop_->queue);
    }
    shop_->work.notify_all();
    discarded.clear();
    for (std::thread& t : threads_) {
        if (t.get_id() == std::this_thread::get_id()) t.detach();  // the pool's own work has ended it
        else t.join();
    }
}

thread_pool_snapshot thread_pool::snapshot() const {
    const std::scoped_lock hold(shop_->mutex);
    const auto places = shop_->places.snapshot();
    const auto queued = static_cast<std::uint32_t>(shop_->queue.size());  // each holds its place until it has run
    return {.threads = options_.threads,
            .running = places.in_use - queued,
            .queued = queued,
            .queue = options_.queue,
            .rejected = places.rejected};
}

}  // namespace fusebox
