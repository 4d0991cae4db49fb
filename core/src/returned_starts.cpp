#include <fusebox/detail/returned_starts.hpp>

#include <algorithm>
#include <functional>
#include <mutex>

namespace fusebox::detail {

returned_starts::returned_starts(std::size_t capacity) : capacity_(capacity) {
    starts_.reserve(capacity);
}

void returned_starts::put(time_point start) noexcept {
    if (capacity_ == 0) return;
    const std::scoped_lock hold(lock_);
    if (starts_.size() == capacity_) forget_earliest();
    starts_.push_back(start);
    std::ranges::push_heap(starts_, std::greater{});
    size_.store(starts_.size(), std::memory_order_release);
}

std::optional<time_point> returned_starts::take_earliest(time_point now, time_point latest) noexcept {
    const std::scoped_lock hold(lock_);
    while (!starts_.empty() && starts_.front() <= now) forget_earliest();
    if (starts_.empty() || starts_.front() > latest) return {};
    const time_point start = starts_.front();
    forget_earliest();
    return start;
}

void returned_starts::forget_earliest() noexcept {
    std::ranges::pop_heap(starts_, std::greater{});
    starts_.pop_back();
    size_.store(starts_.size(), std::memory_order_release);
}

}  // namespace fusebox::detail
