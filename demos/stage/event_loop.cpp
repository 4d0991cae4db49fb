#include <stage/event_loop.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stage {

namespace net = boost::asio;

event_loop::~event_loop() {
    work_.reset();
    io_.stop();
    thread_.join();
}

net::awaitable<void> real_pause(fusebox::duration how_long) {
    net::steady_timer timer{co_await net::this_coro::executor, how_long};
    boost::system::error_code cancelled;
    co_await timer.async_wait(net::redirect_error(net::use_awaitable, cancelled));
}

repetition::repetition(event_loop& on, fusebox::duration every, step what, bool running)
    : loop_(on), every_(every), step_(std::move(what)), paused_(!running) {
    auto done = [this](const std::exception_ptr&) { ended_.set_value(); };
    loop_.run([&] { net::co_spawn(loop_.io(), go_on(), net::bind_cancellation_slot(end_.slot(), std::move(done))); });
}

repetition::~repetition() {
    loop_.run([this] { end_.emit(net::cancellation_type::all); });
    ended_.get_future().wait();
}

net::awaitable<void> repetition::go_on() {
    co_await net::this_coro::throw_if_cancelled(false);
    for (;;) {
        if (!paused_) co_await step_();
        // A step that was cancelled must not be followed by a pause that nobody cancels.
        const auto after_step = co_await net::this_coro::cancellation_state;
        if (after_step.cancelled() != net::cancellation_type::none) co_return;
        co_await real_pause(every_);
        const auto after_pause = co_await net::this_coro::cancellation_state;
        if (after_pause.cancelled() != net::cancellation_type::none) co_return;
    }
}

}  // namespace stage
