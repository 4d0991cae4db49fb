#include "endpoints/weighted_schedule.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

namespace fusebox::gateway {

namespace {

constexpr std::uint64_t longest = 65'536;

// The weights as they are, divided by what they have in common; empty when that is not possible.
std::vector<std::uint32_t> exact_places(std::span<const double> weights) {
    std::vector<std::uint32_t> places;
    std::uint32_t divisor = 0;
    for (const double w : weights) {
        if (w != std::floor(w) || w > double(longest)) return {};
        places.push_back(static_cast<std::uint32_t>(w));
        divisor = std::gcd(divisor, places.back());
    }
    std::uint64_t sum = 0;
    for (auto& p : places) sum += p /= divisor;
    if (sum > longest) return {};
    return places;
}

std::vector<std::uint32_t> rounded_places(std::span<const double> weights) {
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    const double target = std::clamp(16.0 * double(weights.size()), 1024.0, double(longest));
    std::vector<std::uint32_t> places;
    for (const double w : weights)
        places.push_back(std::max<std::uint32_t>(1, static_cast<std::uint32_t>(std::lround(w / total * target))));
    return places;
}

}  // namespace

weighted_schedule::weighted_schedule(std::span<const double> weights) {
    std::vector<std::uint32_t> places = exact_places(weights);
    if (places.empty()) places = rounded_places(weights);
    std::vector<std::pair<double, std::uint32_t>> instants;
    for (std::uint32_t i = 0; i < places.size(); ++i)
        for (std::uint32_t k = 0; k < places[i]; ++k) instants.emplace_back((k + 0.5) / places[i], i);
    std::ranges::sort(instants);
    order_.reserve(instants.size());
    for (const auto& [instant, endpoint] : instants) order_.push_back(endpoint);
}

}  // namespace fusebox::gateway
