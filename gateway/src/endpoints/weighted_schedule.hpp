// The order in which a weighted round robin goes round, computed beforehand so that a step costs the same for
// ten endpoints and for ten thousand.
//
// Endpoint i gets w_i places of the order, at the instants (k + 1/2) / w_i, k = 0 .. w_i - 1: evenly spread, so
// that no endpoint gets its share in a burst. Whole weights are kept exactly while their sum, divided by their
// greatest common divisor, is at most 65 536; other weights are rounded to a sum of about max(1024, 16 n), each
// at least 1.
//
// Thread-safety: immutable once built.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fusebox::gateway {

class weighted_schedule {
public:
    weighted_schedule() = default;
    // Weights are above zero.
    explicit weighted_schedule(std::span<const double> weights);

    std::uint32_t length() const noexcept { return static_cast<std::uint32_t>(order_.size()); }
    std::uint32_t at(std::uint32_t place) const noexcept { return order_[place]; }

private:
    std::vector<std::uint32_t> order_;
};

}  // namespace fusebox::gateway
