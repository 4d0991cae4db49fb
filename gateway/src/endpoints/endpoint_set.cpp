#include "endpoints/endpoint_set.hpp"

#include <algorithm>
#include <utility>

namespace fusebox::gateway {

endpoint_set::endpoint_set(std::vector<set_member> members, std::shared_ptr<const upstream_options> options,
                           std::shared_ptr<const hash_tables> hashes, std::uint64_t generation)
    : members_(std::move(members)), hashes_(std::move(hashes)), options_(std::move(options)), generation_(generation) {
    std::vector<double> weights;
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
        by_id_.emplace(members_[i].node->id(), i);
        if (members_[i].traffic == traffic::trial) trials_.push_back(i);
        if (members_[i].traffic != traffic::full) continue;
        full_.push_back(i);
        weights.push_back(members_[i].effective_weight());
    }
    const bool uniform = std::ranges::adjacent_find(weights, std::ranges::not_equal_to{}) == weights.end();
    if (algorithm() == balancing::round_robin) schedule_ = weighted_schedule(weights);
    else if (!uniform) alias_ = alias_table(weights);
}

const set_member* endpoint_set::find(std::string_view id) const noexcept {
    const auto known = by_id_.find(id);
    return known == by_id_.end() ? nullptr : &members_[known->second];
}

}  // namespace fusebox::gateway
