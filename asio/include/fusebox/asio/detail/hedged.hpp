// The race of attempts as coroutines: the first success wins, the losers are cancelled and awaited.
#pragma once

#include <fusebox/asio/detail/drive.hpp>
#include <fusebox/hedge.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

namespace fusebox::asio::detail {

// One attempt: a walk over the policies inside the hedge.
template <class Slot, class Timer>
struct lane {
    template <class Classifier>
    lane(const net::any_io_executor& executor, Classifier& classify, const fusebox::detail::walk_state& outer)
        : heat(race<Timer>::make(executor)), slot(classify), state(outer) {
        state.wake = heat.get();
    }

    std::shared_ptr<race<Timer>> heat;
    Slot slot;
    fusebox::detail::walk_state state;
    fusebox::detail::ending end{};
    net::cancellation_signal signal;
    bool lost = false;
    bool ended = false;
    bool heard = false;
};

template <class Chain, class Lane, class F>
net::awaitable<void> run_lane(Chain& policies, Lane& l, F& operation) {
    co_await net::this_coro::throw_if_cancelled(false);
    auto inner = policies.inner(l.slot, l.state);
    auto invoke = [&] { return invoke_operation(l.heat, operation, l.slot, l.state.context, l.lost); };
    co_await drive(inner, *l.heat, invoke);
    l.end = inner.last();
}

// The race that one call runs. Lives in the call's frame, which outlives all lanes.
template <class Chain, class Slot, class F, class Classifier, class Timer>
class coroutine_race {
    using lane_type = lane<Slot, Timer>;

public:
    coroutine_race(Chain& policies, F& operation, Classifier& classify, fusebox::detail::walk_state& outer,
                   std::shared_ptr<race<Timer>> heat, const monotonic_clock* clock)
        : policies_(policies),
          operation_(operation),
          classify_(classify),
          outer_(outer),
          heat_(std::move(heat)),
          clock_(clock) {}

    net::awaitable<cancel_cause> run(Slot& result) {
        executor_ = co_await net::this_coro::executor;
        auto session = policies_.the_hedge().begin(now(), policies_.outer_budget());
        start(1);
        std::uint32_t winner = 0;
        bool given_up = false;
        while (running_ > 0) {
            const bool decided = winner != 0 || given_up;
            const time_point until = decided ? time_point::max() : session.next_launch().value_or(time_point::max());
            auto waiting = heat_->wait_until(until);
            (void)co_await std::move(waiting);
            const auto state = co_await net::this_coro::cancellation_state;
            if (!given_up && state.cancelled() != net::cancellation_type::none) {
                given_up = true;
                cancel_all_but(0, false);
            }
            if (winner == 0 && !given_up) {
                winner = settle_ended(session);
                if (winner != 0) cancel_all_but(winner, true);
                else if (session.next_launch() && now() >= *session.next_launch()) launch(session);
            }
        }
        if (winner == 0) result.refuse(rejection{errc::cancelled, duration{0}});
        else result.take_from(lanes_[winner - 1]->slot);
        co_return given_up&& winner == 0 ? cancel_cause::caller : cancel_cause::none;
    }

private:
    time_point now() const { return clock_ ? clock_->now() : steady_now(); }

    void launch(hedge::session& session) {
        if (const auto number = session.launch(now())) {
            const auto position = static_cast<std::uint32_t>(policies_.hedge_position);
            outer_.tell({.kind = pipeline_event_kind::hedge_launched, .position = position});
            start(*number);
        }
    }

    void start(std::uint32_t number) {
        auto& l = *(lanes_[number - 1] = std::make_unique<lane_type>(executor_, classify_, outer_));
        ++running_;
        auto attempt = run_lane(policies_, l, operation_);
        auto at_end = [this, &l](std::exception_ptr) {
            l.ended = true;
            --running_;
            heat_->interrupt();
        };
        auto ended = net::bind_cancellation_slot(l.signal.slot(), std::move(at_end));
        net::co_spawn(executor_, std::move(attempt), std::move(ended));
    }

    // Hears of the attempts that have ended; the number of the one that decides the call, or 0.
    std::uint32_t settle_ended(hedge::session& session) {
        for (std::uint32_t i = 1; i <= lanes_.size(); ++i) {
            lane_type* l = lanes_[i - 1].get();
            if (l == nullptr || l->heard || !l->ended) continue;
            l->heard = true;
            const auto next = session.ended(i, l->end.how, l->end.refused, now());
            if (next.action == hedge_action::launch_now) launch(session);
            else if (next.action != hedge_action::wait) return next.attempt;
        }
        return 0;
    }

    void cancel_all_but(std::uint32_t winner, bool lost) {
        for (std::uint32_t i = 1; i <= lanes_.size(); ++i) {
            if (i == winner || !lanes_[i - 1] || lanes_[i - 1]->ended) continue;
            lanes_[i - 1]->lost = lost;
            lanes_[i - 1]->signal.emit(net::cancellation_type::all);
        }
    }

    Chain& policies_;
    F& operation_;
    Classifier& classify_;
    fusebox::detail::walk_state& outer_;
    std::shared_ptr<race<Timer>> heat_;
    const monotonic_clock* clock_;
    net::any_io_executor executor_;
    std::array<std::unique_ptr<lane_type>, hedge_options::most_attempts> lanes_;
    std::uint32_t running_ = 0;
};

}  // namespace fusebox::asio::detail
