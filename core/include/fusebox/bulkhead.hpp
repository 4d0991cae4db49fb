// A bulkhead: at most so many calls at the same time, and a bounded queue for those that find it full.
//
//   fusebox::bulkhead orders{{.max_concurrent = 16, .queue = 32, .queue_wait = 200ms}};
//   auto permit = orders.enter(now);   // or errc::bulkhead_full
//
// One slow dependency must not take every thread and connection of its caller with it. After Nygard,
// "Release It!" (2007), chapter 5, "Bulkheads". For blocking code that needs threads of its own, see
// thread_pool.hpp.
//
// A slot is freed when the work ends, which is when its permit is settled or destroyed, and not when
// the caller gives up: work that nobody waits for any more still loads the dependency.
//
// The queue is strictly first in, first out: while anyone waits, nobody overtakes. A slot that is given
// back goes straight to the waiter at the head.
//
// Thread-safety: every member may be called from any thread. While nobody waits, entering and leaving
// are one compare-and-swap each; the queue has a lock, held for a few instructions and never while a
// waiter is told. Nothing allocates.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/config_error.hpp>
#include <fusebox/detail/native_platform.hpp>
#include <fusebox/detail/spin_lock.hpp>
#include <fusebox/policy.hpp>

#include <atomic>
#include <cstdint>
#include <expected>
#include <optional>
#include <utility>
#include <vector>

namespace fusebox {

struct bulkhead_options {
    std::uint32_t max_concurrent = 64;  // calls at the same time, 1 to 1 000 000
    std::uint32_t queue = 0;            // places in the queue, 0 (refuse at once) to 1 000 000

    // How long a waiter should stay in the queue, above 0; duration::max() for as long as its own deadline
    // lets it. The drivers see to it. Without a queue it has no meaning. The default is a third of the
    // default per-try timeout: a place that comes later leaves too little time to use it.
    duration queue_wait = std::chrono::seconds{1};

    // Everything wrong with these options; empty when they can be used.
    std::vector<config_error> validate() const;
    friend bool operator==(const bulkhead_options&, const bulkhead_options&) = default;
};

struct bulkhead_snapshot {
    std::uint32_t limit = 0;       // calls at the same time, as set last
    std::uint32_t in_use = 0;      // may exceed the limit after set_limit has lowered it
    std::uint32_t max_in_use = 0;  // the most there ever were
    std::uint32_t queued = 0;
    std::uint32_t queue = 0;     // places in the queue
    std::uint64_t rejected = 0;  // refused at the door, in total
    std::uint64_t gave_up = 0;   // left the queue without a permit, in total
};

class bulkhead {
public:
    // A slot. Settling, abandoning or destroying it gives the slot back; a verdict means nothing here.
    // Movable between threads; must not outlive its bulkhead. One thread at a time.
    class [[nodiscard]] permit {
    public:
        permit(permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
        permit& operator=(permit&& other) noexcept {
            if (this != &other) {
                abandon();
                from_ = std::exchange(other.from_, nullptr);
            }
            return *this;
        }
        ~permit() { abandon(); }

        void settle(const report&, time_point) noexcept { abandon(); }
        void abandon() noexcept {
            if (auto* b = std::exchange(from_, nullptr)) b->give_back();
        }

    private:
        friend bulkhead;
        explicit permit(bulkhead& b) noexcept : from_(&b) {}
        bulkhead* from_;
    };

    // Throws configuration_error when the options cannot be meant.
    explicit bulkhead(bulkhead_options options = {});
    bulkhead(const bulkhead&) = delete;
    bulkhead& operator=(const bulkhead&) = delete;

    // A permit, or a refusal when there is no slot or others wait for one.
    std::expected<permit, rejection> enter(time_point) noexcept {
        if (take_slot()) [[likely]]
            return permit{*this};
        return refused();
    }

    // As above, but queues `w` where there is a place for it; see queueing_guard for what follows.
    [[gnu::always_inline]] std::expected<std::optional<permit>, rejection> enter(time_point, waiter& w) noexcept {
        if (take_slot()) [[likely]]
            return permit{*this};
        return enter_queue(w);
    }
    permit claim(waiter& w) noexcept;
    bool leave(waiter& w) noexcept;

    // Until when a call that queues at `now` should wait.
    time_point queue_deadline(time_point now) const noexcept { return saturating_add(now, queue_wait_); }

    // What a call hears that found no slot, or left the queue without one.
    rejection refusal() const noexcept { return {errc::bulkhead_full, duration{0}}; }

    // Another limit from now on, for an operator or an adaptive limiter. Raised, it lets waiters in at
    // once; lowered, it takes nothing away: calls in flight end in their own time. 1 to 1 000 000;
    // anything else is refused and changes nothing.
    std::expected<void, std::vector<config_error>> set_limit(std::uint32_t limit);

    bulkhead_snapshot snapshot() const noexcept;

private:
    // Limit, slots in use and waiters, in one word. While anyone waits, it changes under the lock only,
    // and at least as many slots are in use as the limit says.
    struct word {
        static constexpr unsigned bits = 21;  // each counts to a million
        static constexpr std::uint64_t mask = (1u << bits) - 1;
        static constexpr std::uint64_t one_in_use = 1;
        static constexpr std::uint64_t one_queued = std::uint64_t{1} << bits;
        static constexpr unsigned limit_at = 2 * bits;
        static constexpr std::uint32_t in_use(std::uint64_t w) noexcept { return std::uint32_t(w & mask); }
        static constexpr std::uint32_t queued(std::uint64_t w) noexcept { return std::uint32_t(w >> bits & mask); }
        static constexpr std::uint32_t limit(std::uint64_t w) noexcept { return std::uint32_t(w >> limit_at); }
        static constexpr bool has_room(std::uint64_t w) noexcept { return in_use(w) < limit(w) && queued(w) == 0; }
    };

    bool take_slot() noexcept {
        std::uint64_t w = word_.load(std::memory_order_relaxed);
        while (word::has_room(w)) {
            if (word_.compare_exchange_weak(w, w + word::one_in_use, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                if (const auto n = word::in_use(w) + 1; n > max_in_use_.load(std::memory_order_relaxed)) [[unlikely]]
                    note_max(n);
                return true;
            }
        }
        return false;
    }
    void give_back() noexcept {
        std::uint64_t w = word_.load(std::memory_order_relaxed);
        while (word::queued(w) == 0) [[likely]] {
            if (word_.compare_exchange_weak(w, w - word::one_in_use, std::memory_order_release,
                                            std::memory_order_relaxed))
                return;
        }
        pass_on();
    }

    std::unexpected<rejection> refused() noexcept;
    std::expected<std::optional<permit>, rejection> enter_queue(waiter& w) noexcept;
    void pass_on() noexcept;
    waiter* unlink(waiter& w) noexcept;
    waiter* let_in() noexcept;
    static void tell(waiter* first) noexcept;
    void note_max(std::uint32_t in_use) noexcept;

    std::atomic<std::uint64_t> word_;
    std::atomic<std::uint32_t> max_in_use_{0};
    const std::uint32_t queue_;
    const duration queue_wait_;
    detail::spin_lock<detail::native_platform> lock_;  // of the queue
    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
    std::atomic<std::uint64_t> rejected_{0};
    std::atomic<std::uint64_t> gave_up_{0};
};

}  // namespace fusebox
