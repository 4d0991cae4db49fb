// The same pipeline around a coroutine: a try that hangs is cancelled and awaited, the next one answers.
#include <fusebox/asio/execute.hpp>
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/pipeline.hpp>

#include <boost/asio.hpp>

#include <iostream>
#include <string>

using namespace std::chrono_literals;
namespace net = boost::asio;

net::awaitable<std::string> fetch_order(const fusebox::call_context& call) {
    std::cout << "try " << call.attempt() << "\n";
    if (call.attempt() == 1) {
        net::steady_timer never{co_await net::this_coro::executor, 1h};
        co_await never.async_wait(net::use_awaitable);
    }
    co_return "order 7";
}

net::awaitable<void> show_order(fusebox::circuit_breaker& breaker) {
    fusebox::retry again{{.max_attempts = 3, .base = 10ms}};
    fusebox::pipeline calls{again, breaker, fusebox::timeout{200ms}};
    const auto order = co_await fusebox::asio::execute(calls, fetch_order);
    std::cout << (order ? *order : order.error().message()) << "\n";
}

int main() {
    fusebox::circuit_breaker breaker{"orders"};
    net::io_context context;
    net::co_spawn(context, show_order(breaker), net::detached);
    context.run();
    const auto totals = breaker.snapshot().totals;
    std::cout << totals.failures << " failure, " << totals.successes << " success\n";
}
