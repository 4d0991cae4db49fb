// A quantile of the last 1024 latencies: exact by rank, at most 1/16 (6.25 %) or 1.1 us too high by value.
//
// Latencies are counted in buckets whose width grows with the value: 16 for each doubling, as in
// HdrHistogram (G. Tene); DDSketch (Masson, Rim, Lee, VLDB 2019) says why a relative error is the one
// to bound. A ring of bucket numbers forgets the oldest latency exactly, so that the tail is not worn away
// as by halving counts. A cursor stays on the bucket of the quantile: one latency moves its rank by two
// at most, and empty buckets apart the cursor moves as little; an update takes 464 steps at worst.
//
// The quantile q of n latencies is the smallest that at least q * n of them do not exceed; reported is the
// upper end of its bucket. Latencies above 73 minutes count as that.
//
// Thread-safety: all of it. note() takes a lock, estimate() reads one word.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/detail/native_platform.hpp>
#include <fusebox/detail/spin_lock.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

namespace fusebox::detail {

class latency_quantile {
public:
    static constexpr std::uint32_t window = 1024;

    // `quantile` in (0, 1); no estimate before `minimum` latencies, 1 to `window`.
    latency_quantile(double quantile, std::uint32_t minimum) noexcept : quantile_(quantile), minimum_(minimum) {}

    void note(duration latency) noexcept;

    // Empty until there are enough latencies.
    std::optional<duration> estimate() const noexcept {
        const auto ns = estimate_.load(std::memory_order_relaxed);
        return ns < 0 ? std::nullopt : std::optional{duration{ns}};
    }

    // The bucket of a latency, and the least latency that belongs to a later one.
    static std::uint32_t bucket_of(duration latency) noexcept;
    static duration end_of(std::uint32_t bucket) noexcept;

private:
    static constexpr std::uint32_t per_doubling = 16, bucket_count = 464;

    const double quantile_;
    const std::uint32_t minimum_;
    std::atomic<std::int64_t> estimate_{-1};

    spin_lock<native_platform> lock_;
    std::array<std::uint16_t, bucket_count> counts_{};
    std::array<std::uint16_t, window> ring_{};  // bucket numbers, the oldest at next_ once it is full
    std::uint32_t size_ = 0;
    std::uint32_t next_ = 0;
    std::uint32_t cursor_ = 0;
    std::uint32_t below_ = 0;  // latencies in buckets before the cursor
};

}  // namespace fusebox::detail
