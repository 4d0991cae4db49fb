#include "endpoints/hash_ring.hpp"

#include "text/stable_hash.hpp"

#include <algorithm>
#include <bit>

namespace fusebox::gateway {

namespace {

std::uint32_t points_of(const hashed_endpoint& e, std::uint32_t per_weight, unsigned halvings) noexcept {
    const std::uint64_t points = (std::uint64_t{e.weight} * per_weight) >> halvings;
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(points, 1));
}

}  // namespace

hash_ring::hash_ring(std::span<const hashed_endpoint> endpoints) {
    const auto total = [&](unsigned halvings) {
        std::uint64_t sum = 0;
        for (const auto& e : endpoints) sum += points_of(e, points_per_weight, halvings);
        return sum;
    };
    unsigned halvings = 0;
    while (total(halvings) > max_points && total(halvings) > endpoints.size()) ++halvings;
    points_.reserve(total(halvings));
    for (std::uint32_t i = 0; i < endpoints.size(); ++i)
        for (std::uint32_t k = 0; k < points_of(endpoints[i], points_per_weight, halvings); ++k)
            points_.push_back({stable_hash(endpoints[i].id, k + 1), i});
    // Two points on one spot are told apart by id, not by the order in which the endpoints were listed.
    std::ranges::sort(points_, [&](const point& a, const point& b) {
        return a.hash != b.hash ? a.hash < b.hash : endpoints[a.endpoint].id < endpoints[b.endpoint].id;
    });

    const auto bits = std::max(1u, static_cast<unsigned>(std::bit_width(points_.size())));
    shift_ = 64 - bits;
    starts_.resize((std::size_t{1} << bits) + 1);
    std::uint32_t p = 0;
    for (std::uint64_t bucket = 0; bucket < starts_.size(); ++bucket) {
        while (p < points_.size() && (points_[p].hash >> shift_) < bucket) ++p;
        starts_[bucket] = p;
    }
}

std::uint32_t hash_ring::place(std::uint64_t hash) const noexcept {
    std::uint32_t p = starts_[hash >> shift_];
    while (p < points_.size() && points_[p].hash < hash) ++p;
    return p == points_.size() ? 0 : p;
}

}  // namespace fusebox::gateway
