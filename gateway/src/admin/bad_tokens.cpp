#include "admin/bad_tokens.hpp"

#include <algorithm>

namespace fusebox::gateway {

void bad_tokens::add(std::string_view peer, time_point now) {
    if (of_.size() >= most_peers) std::erase_if(of_, [&](const auto& p) { return now - p.second.first >= within; });
    if (of_.size() >= most_peers) of_.clear();
    guesses& g = of_[std::string{peer}];
    if (g.count == 0 || now - g.first >= within) g = {now, 0};
    ++g.count;
}

duration bad_tokens::shut_for(std::string_view peer, time_point now) const {
    const auto found = of_.find(std::string{peer});
    if (found == of_.end() || found->second.count < most) return duration{0};
    return std::max(duration{0}, found->second.first + within - now);
}

}  // namespace fusebox::gateway
