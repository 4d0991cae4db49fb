// The endpoints of an upstream at one moment, as a balancer sees them: who gets which traffic, by what weight,
// and the tables from which to draw. Made anew whenever a verdict or the membership changes.
//
// Thread-safety: immutable once built; shared by all workers.
#pragma once

#include <fusebox/gateway/upstream_options.hpp>
#include "endpoints/alias_table.hpp"
#include "endpoints/endpoint.hpp"
#include "endpoints/endpoint_verdict.hpp"
#include "endpoints/hash_ring.hpp"
#include "endpoints/maglev.hpp"
#include "endpoints/weighted_schedule.hpp"

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fusebox::gateway {

// Consistent hashing over all endpoints, whatever their verdicts: a table changes with the membership only.
struct hash_tables {
    hash_ring ring;
    maglev table;
};

struct set_member {
    std::shared_ptr<endpoint> node;
    gateway::traffic traffic = gateway::traffic::full;
    std::uint32_t weight = 1;
    double share = 1;  // of the weight, while the endpoint is new

    double effective_weight() const noexcept { return weight * share; }
};

class endpoint_set {
public:
    // `hashes` is for ring hash and maglev, over the same members in the same order.
    endpoint_set(std::vector<set_member> members, std::shared_ptr<const upstream_options> options,
                 std::shared_ptr<const hash_tables> hashes, std::uint64_t generation);
    endpoint_set(const endpoint_set&) = delete;
    endpoint_set& operator=(const endpoint_set&) = delete;

    const std::vector<set_member>& members() const noexcept { return members_; }
    const set_member& operator[](std::uint32_t i) const noexcept { return members_[i]; }

    // The numbers of the members with full traffic, and of those that are to be tried.
    const std::vector<std::uint32_t>& full() const noexcept { return full_; }
    const std::vector<std::uint32_t>& trials() const noexcept { return trials_; }

    // The member with this id, or null.
    const set_member* find(std::string_view id) const noexcept;

    // Draws from full(), which is not empty.
    std::uint32_t draw(std::uint64_t random) const noexcept {
        return full_[alias_.size() == 0 ? below_full(random) : alias_.draw(random)];
    }
    const weighted_schedule& schedule() const noexcept { return schedule_; }  // of places in full()
    const hash_tables& hashes() const noexcept { return *hashes_; }
    const upstream_options& options() const noexcept { return *options_; }
    balancing algorithm() const noexcept { return options_->balance.algorithm; }
    std::uint64_t generation() const noexcept { return generation_; }

    // True when calls in flight must be counted over all workers.
    bool counts_active() const noexcept {
        return algorithm() == balancing::least_request || algorithm() == balancing::peak_ewma;
    }

private:
    std::uint32_t below_full(std::uint64_t random) const noexcept {
        return static_cast<std::uint32_t>(((random >> 32) * full_.size()) >> 32);
    }

    std::vector<set_member> members_;
    std::vector<std::uint32_t> full_;
    std::vector<std::uint32_t> trials_;
    std::unordered_map<std::string_view, std::uint32_t> by_id_;
    alias_table alias_;  // empty when all weights are the same
    weighted_schedule schedule_;
    std::shared_ptr<const hash_tables> hashes_;
    std::shared_ptr<const upstream_options> options_;
    std::uint64_t generation_;
};

}  // namespace fusebox::gateway
