#include "endpoints/alias_table.hpp"

#include <cstddef>
#include <limits>
#include <numeric>

namespace fusebox::gateway {

alias_table::alias_table(std::span<const double> weights) : slots_(weights.size()) {
    constexpr std::uint32_t always = std::numeric_limits<std::uint32_t>::max();
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<double> scaled(weights.size());  // 1 is a slot's worth
    std::vector<std::uint32_t> small, large;
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
        scaled[i] = weights[i] * double(weights.size()) / total;
        slots_[i] = {always, i};
        (scaled[i] < 1 ? small : large).push_back(i);
    }
    while (!small.empty() && !large.empty()) {
        const std::uint32_t poor = small.back(), rich = large.back();
        small.pop_back();
        slots_[poor] = {static_cast<std::uint32_t>(scaled[poor] * double(always)), rich};
        scaled[rich] -= 1 - scaled[poor];
        if (scaled[rich] < 1) {
            large.pop_back();
            small.push_back(rich);
        }
    }
}

}  // namespace fusebox::gateway
