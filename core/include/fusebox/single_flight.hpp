// Identical calls at the same time become one: the first makes it, the others wait for its outcome and share it.
//
//   fusebox::single_flight<std::string, profile> flights;
//   profile p = flights.run(id, [&] { return fetch_profile(id); });   // value or exception, the same for all
//
// Nothing is kept: the next call after the outcome is a new one (see cache.hpp). Whoever waits may give up, and
// the leader flies on for the others. A leader that ends without an outcome (a dropped coroutine) wakes the
// others, and one of them leads anew. A call must not join its own key from within: it would wait for itself.
//
// run() blocks. A coroutine driver uses join(), with a waiter of its own (policy.hpp).
// Thread-safety: every member may be called from any thread. No lock is held while an operation, a copy of T or
// granted() runs; hash and comparison of keys run under one. Must outlive its tickets.
#pragma once

#include <fusebox/detail/protected_call.hpp>
#include <fusebox/policy.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <utility>

namespace fusebox {

namespace detail {

// Whether a leader's outcome is one for all, although the leader was cancelled.
template <class T>
bool is_good(const T& value) noexcept {
    if constexpr (is_expected<T>) return value.has_value();
    else return true;
}

}  // namespace detail

struct single_flight_snapshot {
    std::uint64_t in_flight = 0;  // keys
    std::uint64_t led = 0;        // totals: calls that were made
    std::uint64_t followed = 0;   // calls that joined another
};

// T is copied for each follower, and not at all when there is none.
template <class Key, class T, class Hash = std::hash<Key>>
class single_flight {
    struct follower {
        explicit follower(waiter& w) noexcept : who(&w) {}
        waiter* who;
        std::atomic<bool> woken{false};  // granted() has returned: the waiter may go
    };
    struct flight {
        std::list<follower> followers;  // changes under the lock, and no more once landed
        bool landed = false;            // under the lock
        std::optional<T> value;         // written before the first is woken, not changed after
        std::exception_ptr thrown;
    };
    using place = typename std::list<follower>::iterator;
    using flights = std::unordered_map<Key, std::shared_ptr<flight>, Hash>;

public:
    // A call's part in a flight: its leader, or a follower. Move-only; one thread at a time.
    class [[nodiscard]] ticket {
    public:
        ticket(ticket&& o) noexcept
            : owner_(std::exchange(o.owner_, nullptr)),
              flight_(std::move(o.flight_)),
              leaders_key_(o.leaders_key_),
              place_(o.place_) {}
        ticket& operator=(ticket&&) = delete;
        // A leader that has not finished wakes its followers without an outcome; a follower leaves.
        ~ticket() {
            if (owner_ == nullptr) return;
            if (!leads()) (void)leave();
            else if (owner_->land(*leaders_key_, *flight_)) wake();
        }

        bool leads() const noexcept { return leaders_key_ != nullptr; }

        // Leader: the outcome, for all who have joined. Once.
        void finish(const T& value) {
            if (!std::exchange(owner_, nullptr)->land(*leaders_key_, *flight_)) return;
            try {
                flight_->value.emplace(value);
            } catch (...) {
                flight_->thrown = std::current_exception();
            }
            wake();
        }
        void fail(std::exception_ptr thrown) noexcept {
            if (!std::exchange(owner_, nullptr)->land(*leaders_key_, *flight_)) return;
            flight_->thrown = std::move(thrown);
            wake();
        }

        // Leader: it is too late for the call, which is not made, nor counted. One of those who joined leads anew.
        void decline() noexcept {
            auto* const owner = std::exchange(owner_, nullptr);
            owner->forget_leader();
            if (owner->land(*leaders_key_, *flight_)) wake();
        }

        // Follower: gives up. False when the outcome came at that very moment: result() has it. After it the
        // waiter may be destroyed: granted() is neither running nor to come.
        bool leave() noexcept {
            auto* const owner = std::exchange(owner_, nullptr);
            if (owner == nullptr || owner->leave(*flight_, place_)) return true;
            await_woken();
            return false;
        }

        // Follower, after granted(): the leader's value, or throws what it threw. Null when it gave neither:
        // join again. The value lives as long as the ticket. After it the waiter may be destroyed.
        const T* result() {
            owner_ = nullptr;
            await_woken();
            if (flight_->thrown) std::rethrow_exception(flight_->thrown);
            return flight_->value ? &*flight_->value : nullptr;
        }

    private:
        friend single_flight;
        ticket(single_flight& owner, std::shared_ptr<flight> f, const Key* leaders_key, place where) noexcept
            : owner_(&owner), flight_(std::move(f)), leaders_key_(leaders_key), place_(where) {}

        // As long as a granted() that has begun needs to return.
        void await_woken() const noexcept {
            while (!place_->woken.load(std::memory_order_acquire)) std::this_thread::yield();
        }
        void wake() noexcept {
            for (follower& f : flight_->followers) {
                f.who->granted();
                f.woken.store(true, std::memory_order_release);
            }
        }

        single_flight* owner_;  // null once finished, left or collected
        std::shared_ptr<flight> flight_;
        const Key* leaders_key_;  // in the map until it lands; null for a follower
        place place_;             // the follower's
    };

    single_flight() = default;
    single_flight(const single_flight&) = delete;
    single_flight& operator=(const single_flight&) = delete;

    // Leads a new flight, or follows the one under way; then `w.granted()` is called once when it ends, unless
    // the ticket leaves before.
    ticket join(const Key& key, waiter& w) {
        const std::lock_guard hold{mutex_};
        const auto [at, first] = flights_.try_emplace(key);
        if (first) return lead(at);
        ++followed_;
        auto& queue = at->second->followers;
        return {*this, at->second, nullptr, queue.emplace(queue.end(), w)};
    }

    // Blocks until there is an outcome: that of operation(), made here or by another thread.
    template <class F>
    T run(const Key& key, F&& operation) {
        return *fly(key, operation, std::stop_token{}, time_point::max());
    }

    // As above, but whoever waits for another's outcome gives up at `deadline` (by steady_now()) with
    // errc::timed_out, or when stopped with errc::cancelled. A leader ends when its operation does; one that comes too
    // late, or stopped, does not begin. What comes of a leader that was stopped meanwhile is for the others only if it
    // is good; else one of them leads anew. Gives expected<T, rejection>, or for a T of expected<V, E>,
    // expected<V, call_error<E>>.
    template <class F>
    detail::call_result_t<T> run(const Key& key, F&& operation, std::stop_token stop,
                                 time_point deadline = time_point::max()) {
        auto flown = fly(key, operation, std::move(stop), deadline);
        if (!flown) return detail::call_result_t<T>{std::unexpect, not_made(flown.error())};
        return detail::as_call_result(*std::move(flown));
    }

    single_flight_snapshot snapshot() const {
        const std::lock_guard hold{mutex_};
        return {.in_flight = flights_.size(), .led = led_, .followed = followed_};
    }

private:
    class sleeper final : public waiter {
    public:
        void granted() noexcept override {
            const std::lock_guard hold{mutex_};
            granted_ = true;
            wake_.notify_one();
        }
        bool sleep(const std::stop_token& stop, time_point deadline) {
            std::unique_lock hold{mutex_};
            return wake_.wait_until(hold, stop, deadline, [this] { return granted_; });
        }

    private:
        std::mutex mutex_;
        std::condition_variable_any wake_;
        bool granted_ = false;
    };

    template <class F>
    std::expected<T, errc> fly(const Key& key, F& operation, std::stop_token stop, time_point deadline) {
        for (;;) {
            if (stop.stop_requested()) return std::unexpected(errc::cancelled);
            sleeper me;
            ticket mine = join(key, me);
            if (mine.leads() && deadline != time_point::max() && steady_now() >= deadline) {
                mine.decline();
                return std::unexpected(errc::timed_out);
            }
            if (mine.leads()) return make(mine, operation, stop);
            if (!me.sleep(stop, deadline) && mine.leave())
                return std::unexpected(stop.stop_requested() ? errc::cancelled : errc::timed_out);
            if (const T* shared = mine.result()) return std::expected<T, errc>{std::in_place, *shared};
        }
    }

    template <class F>
    static std::expected<T, errc> make(ticket& mine, F& operation, const std::stop_token& stop) {
        try {
            std::expected<T, errc> made{std::in_place, std::invoke(operation)};
            if (!stop.stop_requested() || detail::is_good(*made)) mine.finish(*made);
            return made;
        } catch (...) {
            if (!stop.stop_requested()) mine.fail(std::current_exception());
            throw;
        }
    }

    ticket lead(typename flights::iterator at) {
        try {
            at->second = std::make_shared<flight>();
        } catch (...) {
            flights_.erase(at);
            throw;
        }
        ++led_;
        return {*this, at->second, &at->first, {}};
    }

    void forget_leader() noexcept {
        const std::lock_guard hold{mutex_};
        --led_;
    }

    // The key's next call is a new flight. True when somebody follows this one.
    bool land(const Key& key, flight& f) noexcept {
        typename flights::node_type dropped;
        const std::lock_guard hold{mutex_};
        f.landed = true;
        dropped = flights_.extract(key);
        return !f.followers.empty();
    }

    // True when the follower went before the flight landed.
    bool leave(flight& f, place where) noexcept {
        const std::lock_guard hold{mutex_};
        if (f.landed) return false;
        f.followers.erase(where);
        return true;
    }

    mutable std::mutex mutex_;
    flights flights_;
    std::uint64_t led_ = 0;
    std::uint64_t followed_ = 0;
};

}  // namespace fusebox
