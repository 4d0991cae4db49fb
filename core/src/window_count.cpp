#include <fusebox/detail/window_count.hpp>

#include <algorithm>

namespace fusebox::detail {

namespace {

// a * b / c without overflow on the way; the result fits.
__extension__ using wide = unsigned __int128;
std::int64_t scaled(std::int64_t a, std::int64_t b, std::int64_t c, bool up) noexcept {
    const wide product = wide(a) * wide(b) + (up ? wide(c - 1) : 0);
    return static_cast<std::int64_t>(product / wide(c));
}

}  // namespace

std::int64_t fixed_count::advance(std::int64_t t) noexcept {
    const std::int64_t present = t / length_;
    const std::int64_t number = present > number_ ? present : count_ < limit_ ? number_ : number_ + 1;
    if (number != number_) count_ = 0;
    number_ = number;
    return std::max(t, number_ * length_);
}

std::uint32_t fixed_count::available(std::int64_t t) const noexcept {
    const std::int64_t present = t / length_;
    return present > number_ ? limit_ : present == number_ ? limit_ - count_ : 0;
}

std::int64_t sliding_count::advance(std::int64_t t) noexcept {
    move_to(std::max(number_, t / length_));
    while (earliest() == length_) move_to(number_ + 1);
    return std::max(t, number_ * length_ + earliest());
}

std::uint32_t sliding_count::available(std::int64_t t) const noexcept {
    const std::int64_t present = t / length_;
    if (present < number_) return 0;
    sliding_count c = *this;
    c.move_to(present);
    const std::int64_t elapsed = t - present * length_;
    const std::int64_t free = std::int64_t{limit_} - c.current_ - scaled(c.before_, length_ - elapsed, length_, true);
    return static_cast<std::uint32_t>(std::max<std::int64_t>(free, 0));
}

void sliding_count::move_to(std::int64_t number) noexcept {
    if (number == number_) return;
    before_ = number == number_ + 1 ? current_ : 0;
    current_ = 0;
    number_ = number;
}

// How far into this window the next call may start; its whole length when not in this one:
// before * (length - elapsed) / length + current + 1 <= limit, solved for elapsed.
std::int64_t sliding_count::earliest() const noexcept {
    if (current_ >= limit_) return length_;
    const std::int64_t others = std::int64_t{limit_} - current_ - 1;
    if (before_ <= others) return 0;
    return length_ - scaled(others, length_, before_, false);
}

}  // namespace fusebox::detail
