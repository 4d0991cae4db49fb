// A breaker around a coroutine, for users of the components asio and asio_testing, which bring Boost with them.
#include <fusebox/asio/execute.hpp>
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/testing/scripted_coroutine.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>

namespace net = boost::asio;

namespace {

net::awaitable<void> ask(fusebox::circuit_breaker& breaker, fusebox::testing::script<int>& service, int& got) {
    fusebox::pipeline calls{breaker};
    const fusebox::testing::scripted_coroutine answer{service};
    const auto result = co_await fusebox::asio::execute(calls, answer);
    got = result.value_or(0);
}

}  // namespace

int main() {
    fusebox::circuit_breaker breaker{"consumer"};
    net::io_context context;
    int got = 0;
    fusebox::testing::script<int> service;
    service.then(42);
    net::co_spawn(context, ask(breaker, service, got), net::detached);
    context.run();
    std::printf("answer: %d\n", got);
    return got == 42 && breaker.snapshot().totals.successes == 1 ? 0 : 1;
}
