// Maglev hashing: a table of prime size in which every endpoint owns its share of the places almost exactly, and
// of which a change of the endpoints moves little more than it must. One look-up, however many endpoints.
// After Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer" (NSDI 2016), section 3.4.
//
// Endpoint i prefers the places (offset_i + j * skip_i) mod size, j = 0, 1, ...; the endpoints take turns at
// their next preferred free place until none is left. A weight is the number of turns, as a share of the
// greatest weight. Endpoints take turns in the order of their ids, so that every replica has the same table.
//
// Thread-safety: immutable once built.
#pragma once

#include "endpoints/hash_ring.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fusebox::gateway {

class maglev {
public:
    // A prime; the paper wants at least 100 places an endpoint.
    static constexpr std::uint32_t default_size = 65'537;
    static constexpr std::uint32_t greatest_size = 5'000'011;

    maglev() = default;
    // `size` must be a prime and greater than the number of endpoints: see is_prime.
    explicit maglev(std::span<const hashed_endpoint> endpoints, std::uint32_t size = default_size);

    std::uint32_t place(std::uint64_t hash) const noexcept {
        return static_cast<std::uint32_t>(((hash >> 32) * table_.size()) >> 32);
    }
    std::uint32_t endpoint(std::uint32_t place) const noexcept { return table_[place]; }
    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(table_.size()); }

private:
    std::vector<std::uint32_t> table_;
};

bool is_prime(std::uint32_t n) noexcept;

}  // namespace fusebox::gateway
