// Time for tests of coroutines: it stands still while anything can run, and then jumps to the next timer.
//
//   fusebox::asio::virtual_time time;
//   boost::asio::co_spawn(time.context(), my_coroutine(time), boost::asio::detached);
//   time.run();    // returns when nothing is left to do; hours pass in microseconds
//
// Timers of the type virtual_timer obey the virtual_time of their thread, of which there can be one at a
// time; execute() does when given runtime_of(time). Not thread-safe.
#pragma once

#include <fusebox/asio/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace fusebox::asio {

class virtual_time final : public monotonic_clock {
public:
    virtual_time() { current_ = this; }
    ~virtual_time() {
        waits_.clear();
        current_ = nullptr;
    }
    virtual_time(const virtual_time&) = delete;
    virtual_time& operator=(const virtual_time&) = delete;

    time_point now() const noexcept override { return now_; }

    boost::asio::io_context& context() noexcept { return context_; }

    // Runs all there is to run, letting time pass whenever nothing else is left; at most until `end`.
    void run(time_point end = time_point::max()) {
        run_ready();
        while (!waits_.empty()) {
            const time_point next = waits_.begin()->first.at;
            if (next == time_point::max() || next > end) break;
            now_ = std::max(now_, next);
            while (!waits_.empty() && waits_.begin()->first.at <= now_) finish(waits_.begin(), {});
            run_ready();
        }
        if (end != time_point::max()) now_ = std::max(now_, end);
    }

private:
    friend class virtual_timer;
    using completion = std::function<void(boost::system::error_code)>;
    struct key {
        time_point at;
        std::uint64_t id;
        auto operator<=>(const key&) const = default;
    };

    void run_ready() {
        context_.restart();
        while (context_.poll() != 0) {}
    }
    key wait(time_point at, completion then) {
        const key k{at, ++last_id_};
        waits_.emplace(k, std::move(then));
        return k;
    }
    void finish(std::map<key, completion>::iterator which, boost::system::error_code how) {
        auto then = std::move(which->second);
        waits_.erase(which);
        then(how);
    }
    void cancel(const key& k) {
        if (const auto found = waits_.find(k); found != waits_.end())
            finish(found, boost::asio::error::operation_aborted);
    }

    static inline thread_local virtual_time* current_ = nullptr;
    boost::asio::io_context context_{1};
    time_point now_{};
    std::uint64_t last_id_ = 0;
    std::map<key, completion> waits_;
};

// As boost::asio::steady_timer, on the virtual time of this thread; one wait at a time.
class virtual_timer {
public:
    using executor_type = boost::asio::any_io_executor;
    using duration = fusebox::duration;
    using time_point = fusebox::time_point;

    explicit virtual_timer(executor_type executor) : executor_(std::move(executor)) {}
    explicit virtual_timer(boost::asio::io_context& context) : executor_(context.get_executor()) {}
    ~virtual_timer() { cancel(); }
    virtual_timer(const virtual_timer&) = delete;
    virtual_timer& operator=(const virtual_timer&) = delete;

    executor_type get_executor() const { return executor_; }

    // Sets when; a wait that is under way ends as cancelled.
    void expires_at(time_point at) {
        cancel();
        at_ = at;
    }
    void expires_after(duration d) { expires_at(saturating_add(virtual_time::current_->now(), d)); }

    void cancel() {
        if (virtual_time::current_ != nullptr) virtual_time::current_->cancel(std::exchange(waiting_, {}));
    }

    template <class Token>
    auto async_wait(Token&& token) {
        return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
            [this](auto handler) { this->start(std::move(handler)); }, token);
    }

private:
    template <class Handler>
    void start(Handler handler) {
        auto* const time = virtual_time::current_;
        auto slot = boost::asio::get_associated_cancellation_slot(handler);
        const auto executor = boost::asio::get_associated_executor(handler, executor_);
        const auto kept = std::make_shared<Handler>(std::move(handler));
        waiting_ = time->wait(at_, [kept, executor](boost::system::error_code how) {
            boost::asio::post(executor, [kept, how] { std::move (*kept)(how); });
        });
        if (slot.is_connected())
            slot.assign([time, key = waiting_](boost::asio::cancellation_type) { time->cancel(key); });
    }

    executor_type executor_;
    time_point at_{};
    virtual_time::key waiting_{};
};

// What execute() needs to wait on virtual time.
inline basic_runtime<virtual_timer> runtime_of(const virtual_time& time) noexcept {
    return {&time};
}

}  // namespace fusebox::asio
