// The blocking race of attempts: each runs in a thread of its own, the first success wins.
//
// A thread cannot be ended from outside. The losers' stop tokens are set, and they are left to end by
// themselves, with copies of what they use; the pipeline's destructor waits for them.
#pragma once

#include <fusebox/blocking.hpp>
#include <fusebox/detail/walk.hpp>
#include <fusebox/hedge.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

namespace fusebox::detail {

// Counts threads that outlive their call. Thread-safe.
class stragglers {
public:
    ~stragglers() {
        std::unique_lock hold(mutex_);
        none_.wait(hold, [this] { return count_ == 0; });
    }
    void enter() {
        const std::scoped_lock hold(mutex_);
        ++count_;
    }
    void leave() {
        const std::scoped_lock hold(mutex_);
        if (--count_ == 0) none_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable none_;
    std::size_t count_ = 0;
};

// One call's race over the policies inside the hedge of `Chain`.
template <class Chain, class Slot, class F, class Classifier>
class blocking_race : public std::enable_shared_from_this<blocking_race<Chain, Slot, F, Classifier>> {
public:
    blocking_race(Chain policies, const F& operation, const Classifier& classify, const walk_state& outer,
                  blocking_runtime& runtime, stragglers& late)
        : policies_(policies),
          operation_(operation),
          classify_(classify),
          outer_(outer),
          runtime_(runtime),
          late_(late) {}

    // Runs the race. The outcome is moved into `result`; returns why the operation was cancelled, if it was.
    cancel_cause run(Slot& result, const std::stop_token& stop) {
        auto session = policies_.the_hedge().begin(now(), policies_.outer_budget());
        if (start(1)) lanes_[0]->announced.set_value();
        else run_here(stop);
        std::uint32_t winner = 0;
        while (winner == 0) {
            runtime_.wait(bell_, session.next_launch().value_or(time_point::max()), stop);
            if (stop.stop_requested()) return give_up(result);
            winner = settle_ended(session);
            if (winner == 0 && session.next_launch() && now() >= *session.next_launch()) winner = launch(session);
        }
        cancel_others(winner);
        result.take_from(lanes_[winner - 1]->slot);
        return cancel_cause::none;
    }

private:
    struct lane {
        explicit lane(Classifier& classify) : slot(classify) {}
        Slot slot;
        ending end{};
        std::stop_source stop;
        std::atomic<bool> lost{false};
        std::atomic<bool> ended{false};
        std::promise<void> announced{};  // its launch has been told of
        std::exception_ptr fault{};      // of what is around the operation, such as the classifier
        bool heard = false;
    };

    time_point now() const {
        const monotonic_clock* clock = runtime_.clock();
        return clock ? clock->now() : steady_now();
    }

    // The number of the attempt that decides the call because no other could be started, or 0.
    std::uint32_t launch(hedge::session& session) {
        const auto number = session.launch(now());
        if (!number) return 0;
        if (!start(*number)) return session.not_started(*number).attempt;
        const auto position = static_cast<std::uint32_t>(policies_.hedge_position);
        outer_.tell({.kind = pipeline_event_kind::hedge_launched, .position = position});
        lanes_[*number - 1]->announced.set_value();
        return 0;
    }

    // Hears of the attempts that have ended; the number of the one that decides the call, or 0.
    std::uint32_t settle_ended(hedge::session& session) {
        for (std::uint32_t i = 1; i <= lanes_.size(); ++i) {
            lane* l = lanes_[i - 1].get();
            if (l == nullptr || l->heard || !l->ended.load(std::memory_order_acquire)) continue;
            l->heard = true;
            if (l->fault) {
                cancel_others(i);
                std::rethrow_exception(l->fault);
            }
            const auto next = session.ended(i, l->end.how, l->end.refused, now());
            if (next.action == hedge_action::launch_now) {
                if (const auto decided = launch(session); decided != 0) return decided;
            } else if (next.action != hedge_action::wait) {
                return next.attempt;
            }
        }
        return 0;
    }

    // False when the system gives no thread, nor memory for one.
    bool start(std::uint32_t number) {
        auto& l = lanes_[number - 1] = std::make_unique<lane>(classify_);
        late_.enter();
        try {
            std::thread([self = this->shared_from_this(), l = l.get()]() mutable {
                stragglers& late = self->late_;
                l->announced.get_future().wait();
                self->run_lane(*l);
                self.reset();
                late.leave();
            }).detach();
            return true;
        } catch (const std::exception&) {
            late_.leave();
            if (number != 1) l.reset();
            return false;
        }
    }

    // The first attempt, for want of a thread in the caller's.
    void run_here(const std::stop_token& stop) {
        lane& first = *lanes_[0];
        const std::stop_callback hand_on(stop, [&first] { first.stop.request_stop(); });
        run_lane(first);
    }

    void run_lane(lane& l) noexcept {
        try {
            make_attempt(l);
        } catch (...) {
            l.fault = std::current_exception();
        }
        l.ended.store(true, std::memory_order_release);
        bell_.wake();
    }

    void make_attempt(lane& l) {
        const std::stop_token stop = l.stop.get_token();
        walk_state state{call_context{stop, outer_.context.deadline()}, outer_.time, nullptr, outer_.listener};
        state.context.set_attempt(outer_.context.attempt());
        const hang_up cancelled{stop, runtime_.clock()};
        auto inner = policies_.inner(l.slot, state);
        std::optional<F> operation;
        drive_blocking(inner, state, runtime_, [&] {
            l.slot.fill([&]() -> decltype(auto) {
                if (!operation) operation.emplace(operation_);  // may throw, and is then the attempt's exception
                return invoke_operation(*operation, state.context);
            });
            const bool lost = l.lost.load(std::memory_order_acquire);
            return cancelled.cause(state.context.deadline(), lost ? cancel_cause::hedge_lost : cancel_cause::caller);
        });
        l.end = inner.last();
    }

    void cancel_others(std::uint32_t winner) {
        for (std::uint32_t i = 1; i <= lanes_.size(); ++i) {
            if (i == winner || !lanes_[i - 1]) continue;
            lanes_[i - 1]->lost.store(true, std::memory_order_release);
            lanes_[i - 1]->stop.request_stop();
        }
    }

    cancel_cause give_up(Slot& result) {
        for (auto& l : lanes_)
            if (l) l->stop.request_stop();
        result.refuse({errc::cancelled, {}});
        return cancel_cause::caller;
    }

    Chain policies_;
    F operation_;
    Classifier classify_;
    walk_state outer_;
    blocking_runtime& runtime_;
    stragglers& late_;
    blocking_runtime::bell bell_;
    std::array<std::unique_ptr<lane>, hedge_options::most_attempts> lanes_;
};

}  // namespace fusebox::detail
