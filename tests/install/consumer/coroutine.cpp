// A breaker around a coroutine, for users of the component asio, which brings Boost with it.
#include <fusebox/asio/execute.hpp>
#include <fusebox/circuit_breaker.hpp>
#include <fusebox/pipeline.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>

namespace net = boost::asio;

namespace {

net::awaitable<int> answer() {
    co_return 42;
}

net::awaitable<void> ask(fusebox::circuit_breaker& breaker, int& got) {
    fusebox::pipeline calls{breaker};
    const auto result = co_await fusebox::asio::execute(calls, answer);
    got = result.value_or(0);
}

}  // namespace

int main() {
    fusebox::circuit_breaker breaker{"consumer"};
    net::io_context context;
    int got = 0;
    net::co_spawn(context, ask(breaker, got), net::detached);
    context.run();
    std::printf("answer: %d\n", got);
    return got == 42 && breaker.snapshot().totals.successes == 1 ? 0 : 1;
}
