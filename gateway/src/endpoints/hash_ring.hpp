// Consistent hashing on a ring: an endpoint that comes or goes moves only the keys that it gains or loses.
// After Karger et al., "Consistent Hashing and Random Trees" (STOC 1997).
//
// Each endpoint has points on the ring, so many for each unit of its weight, at hash(id, k); a key belongs to the
// next point clockwise. All is computed from ids and weights alone, so every replica has the same ring. Its size
// is bounded: while it would exceed max_points, the points for a unit of weight are halved, down to one an endpoint.
//
// Thread-safety: immutable once built.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fusebox::gateway {

// An endpoint, as a table of hashes sees it.
struct hashed_endpoint {
    std::string_view id;
    std::uint32_t weight = 1;
};

class hash_ring {
public:
    static constexpr std::uint32_t points_per_weight = 160;
    static constexpr std::uint32_t max_points = 1u << 18;

    hash_ring() = default;
    explicit hash_ring(std::span<const hashed_endpoint> endpoints);

    // The place on the ring where `hash` belongs, and the one after a place; the ring is not empty.
    std::uint32_t place(std::uint64_t hash) const noexcept;
    std::uint32_t after(std::uint32_t place) const noexcept { return place + 1 == points_.size() ? 0 : place + 1; }
    std::uint32_t endpoint(std::uint32_t place) const noexcept { return points_[place].endpoint; }

    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(points_.size()); }

private:
    struct point {
        std::uint64_t hash;
        std::uint32_t endpoint;
    };
    std::vector<point> points_;          // by hash
    std::vector<std::uint32_t> starts_;  // the first point at or after i * 2^64 / size: where the search begins
    unsigned shift_ = 0;
};

}  // namespace fusebox::gateway
