// A coroutine that answers what a script says. Give it to the code under test in place of the real call.
//
//   fusebox::asio::virtual_time time;
//   fusebox::testing::script<std::string> service;
//   service.then("late", 1h).then("order 7", 20ms);
//   fusebox::testing::scripted_coroutine fetch{service};
//   auto running = fusebox::asio::execute(calls, fetch, fusebox::default_classifier{}, runtime_of(time));
//   auto order = co_await std::move(running);                      // a timeout per try and a retry: order 7
//
// What a call takes passes in virtual time, of which there must be one in the thread. A call that is cancelled
// ends at once with operation_aborted.
//
// Copies play the same script. Thread-safety: that of a coroutine.
#pragma once

#include <fusebox/asio/virtual_time.hpp>
#include <fusebox/testing/script.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace fusebox::testing {

template <class R>
class scripted_coroutine {
public:
    // The script must outlive it, and its calls.
    explicit scripted_coroutine(script<R>& lines) noexcept : script_(&lines) {}

    boost::asio::awaitable<R> operator()() const { return play(*script_); }

private:
    static boost::asio::awaitable<R> play(script<R>& lines) {
        auto answer = lines.next();
        if (answer.takes() > duration{0}) {
            fusebox::asio::virtual_timer timer(co_await boost::asio::this_coro::executor);
            timer.expires_after(answer.takes());
            co_await timer.async_wait(boost::asio::use_awaitable);
        }
        co_return answer.give();
    }

    script<R>* script_;
};

}  // namespace fusebox::testing
