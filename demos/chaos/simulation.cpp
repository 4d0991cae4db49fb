#include <chaos/simulation.hpp>

#include <chaos/load.hpp>

#include <boost/asio/co_spawn.hpp>

#include <exception>

namespace chaos {

namespace net = boost::asio;

namespace {

constexpr auto answer_time = std::chrono::milliseconds{5};

}  // namespace

void simulation::run(net::awaitable<void> scenario) {
    std::exception_ptr failed;
    net::co_spawn(executor(), std::move(scenario), [&failed](std::exception_ptr how) { failed = std::move(how); });
    time_.run();
    if (failed) std::rethrow_exception(failed);
}

net::awaitable<std::expected<void, std::string>> simulation::ask() {
    ++calls_;
    const condition now_is = condition_;
    const auto answers_at = now_is == condition::hanging ? fusebox::time_point::max() : now() + answer_time;
    co_await sleep_until(*this, answers_at);
    if (now_is != condition::healthy) co_return std::unexpected(std::string{to_string(now_is)});
    co_return std::expected<void, std::string>{};
}

net::awaitable<void> simulation::make(condition how) {
    condition_ = how;
    co_return;
}

net::awaitable<std::uint64_t> simulation::calls() {
    co_return calls_;
}

}  // namespace chaos
