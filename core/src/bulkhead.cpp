#include "option_checker.hpp"

#include <fusebox/bulkhead.hpp>

#include <mutex>

namespace fusebox {

namespace {

constexpr std::uint32_t most_places = 1'000'000;

bulkhead_options checked(bulkhead_options options) {
    if (auto errors = options.validate(); !errors.empty()) throw configuration_error("bulkhead", std::move(errors));
    return options;
}

}  // namespace

std::vector<config_error> bulkhead_options::validate() const {
    detail::option_checker c;
    c.count("max_concurrent", max_concurrent, most_places);
    c.require(queue <= most_places, "queue", queue, "at most " + std::to_string(most_places));
    c.require(queue_wait > duration{0}, "queue_wait", queue_wait, "above 0 (to refuse at once, set queue to 0)");
    return c.take();
}

bulkhead::bulkhead(bulkhead_options options)
    : word_(std::uint64_t{checked(options).max_concurrent} << word::limit_at),
      queue_(options.queue),
      queue_wait_(options.queue_wait) {}

std::unexpected<rejection> bulkhead::refused() noexcept {
    rejected_.fetch_add(1, std::memory_order_relaxed);
    return std::unexpected{refusal()};
}

std::expected<std::optional<bulkhead::permit>, rejection> bulkhead::enter_queue(waiter& w) noexcept {
    const std::scoped_lock hold(lock_);
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
        // A slot may have come free since take_slot, and the first to queue races with those who leave.
        const bool room = word::has_room(seen);
        if (!room && word::queued(seen) >= queue_) return refused();
        const std::uint64_t next = seen + (room ? word::one_in_use : word::one_queued);
        if (!word_.compare_exchange_weak(seen, next, std::memory_order_acquire, std::memory_order_relaxed)) continue;
        if (room) {
            note_max(word::in_use(next));
            return permit{*this};
        }
        break;
    }
    w.standing_.store(queue_place::standing::queued, std::memory_order_relaxed);
    w.ahead_ = last_;
    w.behind_ = nullptr;
    (last_ != nullptr ? last_->behind_ : first_) = &w;
    last_ = &w;
    return std::nullopt;
}

bulkhead::permit bulkhead::claim(waiter& w) noexcept {
    // The thread that grants may not have come back from granted(), and then still needs the waiter.
    for (unsigned rounds = 0; w.standing_.load(std::memory_order_acquire) != queue_place::standing::granted; ++rounds)
        detail::native_platform::relax(rounds);
    w.standing_.store(queue_place::standing::outside, std::memory_order_relaxed);
    return permit{*this};
}

bool bulkhead::leave(waiter& w) noexcept {
    const std::scoped_lock hold(lock_);
    if (w.standing_.load(std::memory_order_relaxed) != queue_place::standing::queued) return false;
    unlink(w);
    w.standing_.store(queue_place::standing::outside, std::memory_order_relaxed);
    word_.fetch_sub(word::one_queued, std::memory_order_relaxed);
    gave_up_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

// Gives a slot back while others wait, or did a moment ago.
void bulkhead::pass_on() noexcept {
    waiter* next;
    {
        const std::scoped_lock hold(lock_);
        word_.fetch_sub(word::one_in_use, std::memory_order_acq_rel);
        next = let_in();
    }
    tell(next);
}

// Takes those out of the queue for whom there is a slot, and returns them as a chain. Under the lock.
//
// Those who enter without the lock cannot take a slot from under it: as long as anyone waits they stand back,
// and the last waiter's slot is taken and his place in the queue given up in one step.
waiter* bulkhead::let_in() noexcept {
    waiter* const chain = first_;
    waiter* last = nullptr;
    while (first_ != nullptr) {
        const std::uint64_t w = word_.load(std::memory_order_relaxed);
        if (word::in_use(w) >= word::limit(w)) break;
        last = unlink(*first_);
        last->standing_.store(queue_place::standing::granting, std::memory_order_relaxed);
        word_.fetch_add(word::one_in_use - word::one_queued, std::memory_order_acq_rel);
        note_max(word::in_use(w) + 1);
    }
    if (last == nullptr) return nullptr;
    last->behind_ = nullptr;
    return chain;
}

// Nothing is locked here: granted() is the waiter's own code.
void bulkhead::tell(waiter* first) noexcept {
    while (first != nullptr) {
        waiter* const next = first->behind_;
        first->granted();
        // From here on the waiter may be claimed, and be gone.
        first->standing_.store(queue_place::standing::granted, std::memory_order_release);
        first = next;
    }
}

// Takes `w` out of the queue; its own link to the one behind it stays as it was.
waiter* bulkhead::unlink(waiter& w) noexcept {
    (w.ahead_ != nullptr ? w.ahead_->behind_ : first_) = w.behind_;
    (w.behind_ != nullptr ? w.behind_->ahead_ : last_) = w.ahead_;
    return &w;
}

void bulkhead::note_max(std::uint32_t in_use) noexcept {
    std::uint32_t seen = max_in_use_.load(std::memory_order_relaxed);
    while (seen < in_use && !max_in_use_.compare_exchange_weak(seen, in_use, std::memory_order_relaxed)) {}
}

std::expected<void, std::vector<config_error>> bulkhead::set_limit(std::uint32_t limit) {
    detail::option_checker c;
    c.count("limit", limit, most_places);
    if (auto errors = c.take(); !errors.empty()) return std::unexpected(std::move(errors));
    waiter* next;
    {
        const std::scoped_lock hold(lock_);
        constexpr std::uint64_t rest = (std::uint64_t{1} << word::limit_at) - 1;
        const std::uint64_t wanted = std::uint64_t{limit} << word::limit_at;
        std::uint64_t w = word_.load(std::memory_order_relaxed);
        while (!word_.compare_exchange_weak(w, (w & rest) | wanted, std::memory_order_relaxed)) {}
        next = let_in();
    }
    tell(next);
    return {};
}

bulkhead_snapshot bulkhead::snapshot() const noexcept {
    const std::uint64_t w = word_.load(std::memory_order_relaxed);
    return {.limit = word::limit(w),
            .in_use = word::in_use(w),
            .max_in_use = max_in_use_.load(std::memory_order_relaxed),
            .queued = word::queued(w),
            .queue = queue_,
            .rejected = rejected_.load(std::memory_order_relaxed),
            .gave_up = gave_up_.load(std::memory_order_relaxed)};
}

}  // namespace fusebox
