// A blocking database behind a bulkhead: one thread, because a connection serves one caller at a time, and a short
// queue before it. A service's own thread never waits for the disk; when the database falls behind, callers are
// refused at once instead of piling up.
//
//   const auto stock = [id](sql_database& db) { return stock_of(db, id); };
//   const auto answer = co_await database_.run(stock);      // expected, or a sentence that says what failed
//
// Name the lambda first, as above: g++ 12 destroys one twice that is made in an expression with co_await.
//
// Thread-safety: run() from the thread of the coroutine's executor. Outlives the coroutines, and goes before the
// executor.
#pragma once

#include <orders/sql_database.hpp>

#include <fusebox/thread_pool.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <expected>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace orders {

class database_thread {
public:
    explicit database_thread(std::unique_ptr<sql_database> database) : database_(std::move(database)) {}

    // What `work(sql_database&)` returns, which is no void.
    template <class F>
    boost::asio::awaitable<std::expected<std::invoke_result_t<F&, sql_database&>, std::string>> run(F work);

private:
    template <class Result>
    struct mailbox {
        explicit mailbox(const boost::asio::any_io_executor& on) : arrived(on, fusebox::time_point::max()) {}
        boost::asio::steady_timer arrived;
        std::expected<Result, std::string> answer{std::unexpected(std::string("the caller gave up"))};
    };

    const std::unique_ptr<sql_database> database_;
    fusebox::thread_pool thread_{{.threads = 1, .queue = 64}};  // the first to go: it uses the database
};

template <class F>
boost::asio::awaitable<std::expected<std::invoke_result_t<F&, sql_database&>, std::string>> database_thread::run(
    F work) {
    namespace net = boost::asio;
    using result = std::invoke_result_t<F&, sql_database&>;
    const auto executor = co_await net::this_coro::executor;
    const auto box = std::make_shared<mailbox<result>>(executor);
    // The mailbox is touched on the executor's thread only, and outlives a caller that gives up.
    auto job = [this, executor, to = box, work = std::move(work)]() mutable {
        std::expected<result, std::string> answer{std::unexpected(std::string())};
        try {
            answer = work(*database_);
        } catch (const std::exception& e) {
            answer = std::unexpected(std::string(e.what()));
        }
        net::post(executor, [to = std::move(to), answer = std::move(answer)]() mutable {
            to->answer = std::move(answer);
            to->arrived.cancel();
        });
    };
    const auto accepted = thread_.submit(std::move(job));
    if (!accepted) co_return std::unexpected("too much waits for the database: " + accepted.error().message());
    boost::system::error_code ignored;
    co_await box->arrived.async_wait(net::redirect_error(net::use_awaitable, ignored));
    co_return std::move(box->answer);
}

}  // namespace orders
