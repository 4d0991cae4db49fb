#include <fusebox/gateway/upstream_options.hpp>

#include "endpoints/maglev.hpp"

#include <string>
#include <utility>

namespace fusebox::gateway {

std::vector<config_error> balancing_options::validate() const {
    std::vector<config_error> wrong;
    if (!is_prime(maglev_size) || maglev_size > maglev::greatest_size)
        wrong.push_back({"maglev_size", std::to_string(maglev_size), "must be a prime, up to 5000011"});
    if (ewma_decay <= duration{0})
        wrong.push_back({"ewma_decay", std::to_string(ewma_decay.count()) + "ns", "must be longer than 0"});
    return wrong;
}

std::vector<config_error> upstream_options::validate() const {
    std::vector<config_error> wrong;
    const auto gather = [&](const char* part, std::vector<config_error> errors) {
        for (auto& e : errors) {
            e.option = std::string(part) + "." + e.option;
            wrong.push_back(std::move(e));
        }
    };
    gather("balance", balance.validate());
    gather("verdict", verdict.validate());
    gather("ejection", ejection.validate());
    gather("check", check.validate());
    return wrong;
}

const char* to_string(balancing b) noexcept {
    switch (b) {
        case balancing::round_robin: return "round_robin";
        case balancing::least_request: return "least_request";
        case balancing::peak_ewma: return "peak_ewma";
        case balancing::ring_hash: return "ring_hash";
        case balancing::maglev: return "maglev";
        case balancing::random: return "random";
    }
    return "unknown";
}

}  // namespace fusebox::gateway
