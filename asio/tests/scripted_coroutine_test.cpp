#include <fusebox/asio/execute.hpp>
#include <fusebox/testing/scripted_coroutine.hpp>

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

using namespace std::chrono_literals;
using namespace fusebox;
using fusebox::testing::scripted_coroutine;
namespace net = boost::asio;

namespace {

using answer = std::expected<std::string, std::string>;
using result = std::expected<std::string, call_error<std::string>>;

struct scripted_coroutines : ::testing::Test {
    fusebox::asio::virtual_time time;
    fusebox::testing::script<answer> service;
    scripted_coroutine<answer> fetch{service};

    template <class Pipeline>
    net::awaitable<void> store(Pipeline& calls, std::optional<result>& into) {
        auto running = fusebox::asio::execute(calls, fetch, default_classifier{}, runtime_of(time));
        into = co_await std::move(running);
    }

    template <class Pipeline>
    result run(Pipeline& calls) {
        std::optional<result> out;
        auto task = store(calls, out);
        net::co_spawn(time.context(), std::move(task), net::detached);
        time.run();
        return out.value();
    }
};

}  // namespace

TEST_F(scripted_coroutines, take_their_time_in_virtual_time) {
    retry again{{.max_attempts = 3, .jitter = jitter_kind::none}};
    pipeline calls{again};
    service.then(std::unexpected("down"), 1h).then_throw(std::runtime_error("reset"), 2h).then("order 7");
    EXPECT_EQ(run(calls), "order 7");
    EXPECT_EQ(time.now(), time_point{3h + 300ms});
    EXPECT_EQ(service.calls(), 3u);
}

TEST_F(scripted_coroutines, are_cancelled_like_any_other) {
    pipeline calls{timeout{3s}};
    service.then("too late", 1h);
    EXPECT_EQ(run(calls).error().rejected()->code, errc::timed_out);
    EXPECT_EQ(time.now(), time_point{3s});
}

TEST_F(scripted_coroutines, race_each_other_in_a_hedge) {
    hedge twice{{.delay = 50ms}};
    pipeline calls{twice};
    service.then("slow", 1s).then("fast", 10ms);
    EXPECT_EQ(run(calls), "fast");
    EXPECT_EQ(time.now(), time_point{60ms});
}

TEST_F(scripted_coroutines, throw_when_the_script_is_over) {
    pipeline calls{timeout{3s}};
    std::exception_ptr thrown;
    std::optional<result> out;
    auto task = store(calls, out);
    net::co_spawn(time.context(), std::move(task), [&](std::exception_ptr e) { thrown = e; });
    time.run();
    ASSERT_TRUE(thrown);
    EXPECT_THROW(std::rethrow_exception(thrown), fusebox::testing::script_over);
    EXPECT_EQ(service.calls(), 1u);
}
