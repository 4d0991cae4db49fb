// The last n verdicts, two bits each: failed, slow. Sums are kept, so a snapshot is O(1).
// Pure and single-threaded; the caller locks.
#pragma once

#include <fusebox/window.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace fusebox::detail {

class count_ring {
public:
    explicit count_ring(std::uint32_t size) : bits_((size + 31u) / 32u), size_(size) {}

    void record(bool failed, bool slow) noexcept {
        const std::uint32_t shift = (next_ % 32u) * 2u;
        std::uint64_t& word = bits_[next_ / 32u];
        if (used_ == size_) {
            const auto old = (word >> shift) & 3u;
            failures_ -= static_cast<std::uint32_t>(old & 1u);
            slow_ -= static_cast<std::uint32_t>(old >> 1u);
        } else {
            ++used_;
        }
        word = (word & ~(std::uint64_t{3} << shift)) | (std::uint64_t(failed) | std::uint64_t(slow) << 1u) << shift;
        failures_ += failed;
        slow_ += slow;
        next_ = next_ + 1 == size_ ? 0 : next_ + 1;
    }

    // As record(false, false) n times, a word of the ring at a time.
    void record_successes(std::uint64_t n) noexcept {
        if (used_ == size_ && failures_ == 0 && slow_ == 0) return;  // it is full of them
        for (auto left = static_cast<std::uint32_t>(std::min<std::uint64_t>(n, size_)); left > 0;) {
            const std::uint32_t shift = (next_ % 32u) * 2u;
            const std::uint32_t run = std::min({left, 32u - next_ % 32u, size_ - next_});
            const std::uint64_t mask = (run == 32u ? ~std::uint64_t{0} : (std::uint64_t{1} << run * 2u) - 1) << shift;
            std::uint64_t& word = bits_[next_ / 32u];
            if (used_ == size_ && (word & mask) != 0) {
                constexpr std::uint64_t failed = 0x5555'5555'5555'5555;
                failures_ -= static_cast<std::uint32_t>(std::popcount(word & mask & failed));
                slow_ -= static_cast<std::uint32_t>(std::popcount(word & mask & ~failed));
            }
            if (used_ < size_) used_ += run;  // a ring that is not full is filled from its beginning
            word &= ~mask;
            next_ = next_ + run == size_ ? 0 : next_ + run;
            left -= run;
        }
    }

    window_snapshot snapshot() const noexcept { return {used_, failures_, slow_}; }

    void clear() noexcept { next_ = used_ = failures_ = slow_ = 0; }

    std::uint32_t size() const noexcept { return size_; }

    // Calls visit(failed, slow) for each verdict, oldest first.
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::uint32_t i = 0; i < used_; ++i) {
            const std::uint32_t at = (next_ + size_ - used_ + i) % size_;
            const auto two = (bits_[at / 32u] >> (at % 32u) * 2u) & 3u;
            visit((two & 1u) != 0, (two & 2u) != 0);
        }
    }

private:
    std::vector<std::uint64_t> bits_;
    std::uint32_t size_;
    std::uint32_t next_ = 0;
    std::uint32_t used_ = 0;
    std::uint32_t failures_ = 0;
    std::uint32_t slow_ = 0;
};

}  // namespace fusebox::detail
