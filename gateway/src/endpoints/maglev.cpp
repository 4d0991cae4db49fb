#include "endpoints/maglev.hpp"

#include "text/stable_hash.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace fusebox::gateway {

maglev::maglev(std::span<const hashed_endpoint> endpoints, std::uint32_t size) {
    if (endpoints.empty()) return;
    constexpr std::uint32_t free = std::numeric_limits<std::uint32_t>::max();
    table_.assign(size, free);

    struct candidate {
        std::uint32_t endpoint;
        std::uint64_t next;  // the place it prefers now
        std::uint64_t skip;
        double turns_per_round;
        double turns = 0;  // saved up
    };
    const double greatest = double(std::ranges::max(endpoints, {}, &hashed_endpoint::weight).weight);
    std::vector<candidate> candidates;
    for (std::uint32_t i = 0; i < endpoints.size(); ++i)
        candidates.push_back({.endpoint = i,
                              .next = stable_hash(endpoints[i].id, 1) % size,
                              .skip = stable_hash(endpoints[i].id, 2) % (size - 1) + 1,
                              .turns_per_round = double(endpoints[i].weight) / greatest});
    std::ranges::sort(candidates, {}, [&](const candidate& c) { return endpoints[c.endpoint].id; });

    for (std::uint32_t filled = 0; filled < size;) {
        for (candidate& c : candidates) {
            c.turns += c.turns_per_round;
            if (c.turns < 1 || filled == size) continue;
            c.turns -= 1;
            while (table_[c.next] != free) c.next = (c.next + c.skip) % size;
            table_[c.next] = c.endpoint;
            ++filled;
        }
    }
}

bool is_prime(std::uint32_t n) noexcept {
    if (n < 4) return n >= 2;
    if (n % 2 == 0) return false;
    for (std::uint32_t d = 3; std::uint64_t{d} * d <= n; d += 2)
        if (n % d == 0) return false;
    return true;
}

}  // namespace fusebox::gateway
