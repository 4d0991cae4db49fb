// Identical calls at the same time become one, as coroutines: fusebox/single_flight.hpp without blocking.
//
//   fusebox::single_flight<std::string, profile> flights;
//   auto p = co_await fusebox::asio::run(flights, id, fetch_profile);   // expected<profile, rejection>
//
// Followers wait for the leader's outcome, value or exception, each on its own executor. A follower that is
// cancelled leaves, and the leader flies on for the others. A leader that is cancelled, or whose frame is
// destroyed, hands over: what came of its operation then says nothing to the others, and one of them leads
// anew, with an operation of its own. Only a good value that it had all the same is shared.
//
// Thread-safety: as single_flight; each call runs on its coroutine's executor, which must not run two
// handlers at once. Blocking calls and coroutines may share flights.
#pragma once

#include <fusebox/asio/detail/drive.hpp>
#include <fusebox/asio/runtime.hpp>
#include <fusebox/single_flight.hpp>

#include <atomic>
#include <exception>
#include <expected>
#include <optional>
#include <type_traits>
#include <utility>

namespace fusebox::asio {

namespace detail {

// A follower's place, by which the leader wakes it.
template <class Timer>
class passenger final : public waiter {
public:
    explicit passenger(race<Timer>& heat) noexcept : heat_(heat) {}
    void granted() noexcept override {
        arrived_.store(true, std::memory_order_release);
        heat_.wake();
    }
    bool arrived() const noexcept { return arrived_.load(std::memory_order_acquire); }

private:
    race<Timer>& heat_;
    std::atomic<bool> arrived_{false};
};

// Runs the operation, which hears of a cancellation at each of its awaits, and tells the followers how it ended, or
// else lets the ticket hand over when it goes.
template <class T, class Ticket, class F>
net::awaitable<T> lead(Ticket& mine, F& operation) {
    std::optional<T> made;
    std::exception_ptr thrown;
    co_await net::this_coro::throw_if_cancelled(true);
    try {
        auto running = operation();
        auto value = co_await std::move(running);
        made.emplace(std::move(value));
    } catch (...) {
        thrown = std::current_exception();
    }
    co_await net::this_coro::throw_if_cancelled(false);
    const auto state = co_await net::this_coro::cancellation_state;
    const bool cancelled = state.cancelled() != net::cancellation_type::none;
    if (thrown) {
        if (!cancelled) mine.fail(thrown);
        std::rethrow_exception(thrown);
    }
    if (!cancelled || fusebox::detail::is_good(*made)) mine.finish(*made);
    co_return *std::move(made);
}

// Waits for the leader; why not, when the caller was cancelled or time ran out before.
template <class Ticket, class Timer>
net::awaitable<std::optional<errc>> follow(Ticket& mine, const passenger<Timer>& me, race<Timer>& heat,
                                           time_point deadline, const monotonic_clock* clock) {
    const fusebox::detail::command in_queue{fusebox::detail::command::queue, deadline};
    while (!me.arrived()) {
        auto waiting = wait(heat, in_queue);
        const bool given_up = co_await std::move(waiting);
        const bool expired = (clock ? clock->now() : steady_now()) >= deadline;
        if (me.arrived() || !(given_up || expired)) continue;
        const std::optional<errc> why(given_up ? errc::cancelled : errc::timed_out);
        if (mine.leave()) co_return why;
        break;  // the outcome came at that very moment
    }
    co_return std::nullopt;
}

template <class T, class Flights, class Key, class F, class Timer>
net::awaitable<std::expected<T, errc>> fly(Flights& flights, const Key& key, F& operation, race<Timer>& heat,
                                           time_point deadline, const monotonic_clock* clock) {
    using outcome = std::expected<T, errc>;
    for (;;) {
        const auto state = co_await net::this_coro::cancellation_state;
        if (state.cancelled() != net::cancellation_type::none) co_return outcome(std::unexpect, errc::cancelled);
        passenger<Timer> me(heat);
        auto mine = flights.join(key, me);
        if (mine.leads()) {
            if (deadline != time_point::max() && (clock ? clock->now() : steady_now()) >= deadline) {
                mine.decline();
                co_return outcome(std::unexpect, errc::timed_out);
            }
            auto leading = lead<T>(mine, operation);
            auto made = co_await std::move(leading);
            co_return outcome(std::in_place, std::move(made));
        }
        auto following = follow(mine, me, heat, deadline, clock);
        const auto why_not = co_await std::move(following);
        if (why_not) co_return outcome(std::unexpect, *why_not);
        if (const T* shared = mine.result()) co_return outcome(std::in_place, *shared);
    }
}

}  // namespace detail

// Leads a flight with `operation`, which returns awaitable<T>, or follows the one under way. Whoever follows
// gives up at `deadline`, in the clock of `how`, with errc::timed_out, or when cancelled with errc::cancelled.
// A leader ends when its operation does; one that comes too late, or cancelled, does not begin. Gives expected<T,
// rejection>, or for a T of expected<V, E>, expected<V, call_error<E>>; throws what the operation threw.
template <class Key, class T, class Hash, class F, class Runtime = runtime>
boost::asio::awaitable<fusebox::detail::call_result_t<T>> run(single_flight<Key, T, Hash>& flights,
                                                              std::type_identity_t<Key> key, F operation,
                                                              Runtime how = Runtime(),
                                                              time_point deadline = time_point::max()) {
    namespace net = boost::asio;
    using result = fusebox::detail::call_result_t<T>;
    const auto heat = detail::race<typename Runtime::timer_type>::make(co_await net::this_coro::executor);
    // As in execute(): who is cancelled is told by the result.
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);
    std::optional<std::expected<T, errc>> flown;
    std::exception_ptr thrown;
    try {
        auto flying = detail::fly<T>(flights, key, operation, *heat, deadline, how.clock);
        auto outcome = co_await std::move(flying);
        flown.emplace(std::move(outcome));
    } catch (...) {
        thrown = std::current_exception();
    }
    co_await net::this_coro::throw_if_cancelled(throws);
    if (thrown) std::rethrow_exception(thrown);
    if (!*flown) co_return result(std::unexpect, fusebox::not_made(flown->error()));
    co_return fusebox::detail::as_call_result<T>(**std::move(flown));
}

}  // namespace fusebox::asio
