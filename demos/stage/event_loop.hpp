// Where a demo's services run: a loop of Boost.Asio in a thread of its own, and what is done on it again and again.
#pragma once

#include <fusebox/clock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <thread>

namespace stage {

// A thread that runs an io_context, on which services, their clients and their servers live. Ends with its destructor;
// they must have ended by then.
class event_loop {
public:
    event_loop() = default;
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;
    ~event_loop();

    boost::asio::io_context& io() noexcept { return io_; }

    // Calls `f` in the loop's thread, and waits for what it returns. Not to be called there.
    template <class F>
    auto run(F f) {
        std::packaged_task<decltype(f())()> task{std::move(f)};
        auto result = task.get_future();
        boost::asio::post(io_, [&task] { task(); });
        return result.get();
    }

private:
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
    std::thread thread_{[this] { io_.run(); }};
};

// Waits for so long, or until it is cancelled.
using pause = std::function<boost::asio::awaitable<void>(fusebox::duration)>;
boost::asio::awaitable<void> real_pause(fusebox::duration how_long);

// Awaits a step on a loop again and again, with a pause after each, from its constructor to its destructor, which
// cancels the step and waits for its end. Not to be made or destroyed in the loop's thread; the rest is thread-safe.
class repetition {
public:
    using step = std::function<boost::asio::awaitable<void>()>;

    // Paused from the beginning unless `running`.
    repetition(event_loop& on, fusebox::duration every, step what, bool running = true);
    repetition(const repetition&) = delete;
    repetition& operator=(const repetition&) = delete;
    ~repetition();

    bool running() const { return !paused_; }
    void toggle() { paused_ = !paused_; }

private:
    boost::asio::awaitable<void> go_on();

    event_loop& loop_;
    const fusebox::duration every_;
    const step step_;
    boost::asio::cancellation_signal end_;
    std::promise<void> ended_;
    std::atomic<bool> paused_;
};

}  // namespace stage
