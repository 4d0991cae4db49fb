#include "endpoints/check_counter.hpp"

#include <string>

namespace fusebox::gateway {

bool check_counter::record(bool pass, const check_options& o, time_point now) noexcept {
    if (state_ == check_state::off) return false;
    const check_state says = pass ? check_state::up : check_state::down;
    if (says == state_) {
        against_ = 0;
        return false;
    }
    const std::uint32_t needed = pass ? o.healthy_threshold : o.unhealthy_threshold;
    if (state_ != check_state::pending && ++against_ < needed) return false;
    state_ = says;
    since_ = now;
    against_ = 0;
    return true;
}

std::vector<config_error> check_options::validate() const {
    std::vector<config_error> wrong;
    const auto within = [&](const char* option, std::uint32_t value) {
        if (value < 1 || value > 1000) wrong.push_back({option, std::to_string(value), "must be between 1 and 1000"});
    };
    within("unhealthy_threshold", unhealthy_threshold);
    within("healthy_threshold", healthy_threshold);
    return wrong;
}

}  // namespace fusebox::gateway
