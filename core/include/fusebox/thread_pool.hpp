// A bulkhead with threads of its own, for blocking code that must not hold up its caller's threads.
//
//   fusebox::thread_pool reports{{.threads = 4, .queue = 16}};
//   auto answer = reports.submit([&] { return render(id); });   // expected<std::future<T>, rejection>
//   if (answer) use(answer->get());
//
// A fixed number of threads and a bounded queue, first in, first out. More work than both can hold is
// refused at once with errc::bulkhead_full. A place is freed when the work ends, and before its future
// becomes ready, so that who waits for one piece of work can submit the next. An exception travels
// through the future.
//
// Destruction stops accepting, discards what is still queued (its futures throw std::future_error,
// broken_promise) and waits for what runs: a program that ends should not begin new work, and its
// end should not take longer than the calls in flight. A pool whose last owner is its own work may be destroyed
// by that: it waits for the other threads, and the one that runs the work ends by itself afterwards.
//
// Thread-safety: submit and snapshot may be called from any thread, from the pool's own too. Submitting
// allocates the future's shared state and room for the callable; blocking work costs more than that.
#pragma once

#include <fusebox/bulkhead.hpp>
#include <fusebox/detail/task.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace fusebox {

struct thread_pool_options {
    std::uint32_t threads = 8;  // 1 to 1 000
    std::uint32_t queue = 64;   // places for work that waits for a thread, 0 to 100 000

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const thread_pool_options&, const thread_pool_options&) = default;
};

struct thread_pool_snapshot {
    std::uint32_t threads = 0;
    std::uint32_t running = 0;
    std::uint32_t queued = 0;
    std::uint32_t queue = 0;     // places in the queue
    std::uint64_t rejected = 0;  // in total
};

class thread_pool {
public:
    // Throws configuration_error when the options cannot be meant, std::system_error when the system
    // gives no more threads.
    explicit thread_pool(thread_pool_options options = {});
    ~thread_pool();
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

    // Runs `work()` on a thread of the pool. Throws what moving `work` throws, and std::bad_alloc.
    template <class F>
    auto submit(F work) -> std::expected<std::future<std::invoke_result_t<F&>>, rejection> {
        using result = std::invoke_result_t<F&>;
        auto place = shop_->places.enter(time_point{});
        if (!place) return std::unexpected(place.error());
        std::promise<result> promise;
        auto answer = promise.get_future();
        const bool accepted =
            push([place = std::move(*place), promise = std::move(promise), work = std::move(work)]() mutable {
                try {
                    if constexpr (std::is_void_v<result>) {
                        std::invoke(work);
                        place.abandon();
                        promise.set_value();
                    } else {
                        result value = std::invoke(work);
                        place.abandon();
                        promise.set_value(std::forward<result>(value));
                    }
                } catch (...) {
                    place.abandon();
                    promise.set_exception(std::current_exception());
                }
            });
        if (!accepted) return std::unexpected(shop_->places.refusal());
        return answer;
    }

    thread_pool_snapshot snapshot() const;

private:
    using job = detail::task;
    struct shop;

    bool push(job j);  // false when the pool is being destroyed
    static void run(shop& s);
    void stop() noexcept;

    // Shared with the threads, one of which may outlive the pool.
    struct shop {
        explicit shop(std::uint32_t most) : places({.max_concurrent = most}) {}
        bulkhead places;  // one for each thread and each place in the queue; jobs hold permits of it
        mutable std::mutex mutex{};
        std::condition_variable work{};
        std::deque<job> queue{};
        bool stopping = false;
    };

    const thread_pool_options options_;
    const std::shared_ptr<shop> shop_;
    std::vector<std::thread> threads_;
};

}  // namespace fusebox
