#include <fusebox/detail/latency_quantile.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>

namespace fusebox::detail {

// In units of 1024 ns, v < 16 has a bucket of its own; otherwise the five highest bits choose it.
std::uint32_t latency_quantile::bucket_of(duration latency) noexcept {
    constexpr std::uint64_t most = (std::uint64_t{1} << 32) - 1;
    const auto v = std::min(static_cast<std::uint64_t>(std::max(latency.count(), duration::rep{0})) >> 10, most);
    const auto bits = static_cast<std::uint32_t>(std::bit_width(v));
    const std::uint32_t shift = bits > 5 ? bits - 5 : 0;
    return per_doubling * shift + static_cast<std::uint32_t>(v >> shift);
}

duration latency_quantile::end_of(std::uint32_t bucket) noexcept {
    const std::uint32_t shift = bucket < 2 * per_doubling ? 0 : bucket / per_doubling - 1;
    const std::int64_t leading = bucket - per_doubling * shift;
    return duration{((leading + 1) << shift) << 10};
}

void latency_quantile::note(duration latency) noexcept {
    const auto bucket = static_cast<std::uint16_t>(bucket_of(latency));
    const std::scoped_lock lock(lock_);
    if (size_ == window) {
        const std::uint16_t oldest = ring_[next_];
        --counts_[oldest];
        if (oldest < cursor_) --below_;
    } else {
        ++size_;
    }
    ring_[next_] = bucket;
    next_ = (next_ + 1) % window;
    ++counts_[bucket];
    if (bucket < cursor_) ++below_;

    // The rank, from 1. The product is rounded first: 0.95 * 20 is 19, whatever the binary fractions say.
    const auto rank = static_cast<std::uint32_t>(std::ceil(quantile_ * size_ - 1e-9));
    while (below_ >= rank) below_ -= counts_[--cursor_];
    while (below_ + counts_[cursor_] < rank) below_ += counts_[cursor_++];
    if (size_ >= minimum_) estimate_.store(end_of(cursor_).count(), std::memory_order_relaxed);
}

}  // namespace fusebox::detail
