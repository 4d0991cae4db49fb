// Draws and orders by weight.
#include "endpoints/alias_table.hpp"
#include "endpoints/weighted_schedule.hpp"

#include <fusebox/random.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;

TEST(alias_table, draws_by_weight) {
    const std::vector<double> weights{1, 2, 3, 4, 0.1};
    const alias_table table(weights);
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    splitmix64 random(42);
    std::vector<double> drawn(weights.size());
    constexpr int draws = 200'000;
    for (int i = 0; i < draws; ++i) ++drawn[table.draw(random.next())];
    double chi_square = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double expected = draws * weights[i] / total;
        chi_square += (drawn[i] - expected) * (drawn[i] - expected) / expected;
    }
    EXPECT_LT(chi_square, 18.47);  // 4 degrees of freedom, p = 0.001
}

RC_GTEST_PROP(alias_table, gives_every_index_a_chance, ()) {
    const auto weights = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 1000)));
    const std::vector<double> w(weights.begin(), weights.end());
    const alias_table table(w);
    RC_ASSERT(table.size() == w.size());
    for (std::uint64_t i = 0; i < 100; ++i) RC_ASSERT(table.draw(i * 0x9e3779b97f4a7c15u) < w.size());
}

std::string order(const std::vector<double>& weights) {
    const weighted_schedule s(weights);
    std::string letters;
    for (std::uint32_t i = 0; i < s.length(); ++i) letters += char('a' + s.at(i));
    return letters;
}

TEST(weighted_schedule, goes_round_in_order_when_all_weigh_the_same) {
    EXPECT_EQ(order({1, 1, 1}), "abc");
    EXPECT_EQ(order({7, 7, 7}), "abc");
}

TEST(weighted_schedule, spreads_a_heavy_endpoint_instead_of_giving_it_a_burst) {
    EXPECT_EQ(order({5, 1, 1}), "aaabcaa");
    EXPECT_EQ(order({2, 1}), "aba");
    EXPECT_EQ(order({1}), "a");
}

RC_GTEST_PROP(weighted_schedule, gives_whole_weights_exactly_and_evenly, ()) {
    const auto weights = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 40)));
    const weighted_schedule s(std::vector<double>(weights.begin(), weights.end()));
    const int divisor = std::accumulate(weights.begin(), weights.end(), 0, [](int x, int y) { return std::gcd(x, y); });
    const int sum = std::accumulate(weights.begin(), weights.end(), 0) / divisor;
    RC_ASSERT(s.length() == static_cast<std::uint32_t>(sum));
    std::vector<int> seen(weights.size());
    for (std::uint32_t i = 0; i < s.length(); ++i) ++seen[s.at(i)];
    for (std::size_t i = 0; i < weights.size(); ++i) RC_ASSERT(seen[i] == weights[i] / divisor);
}

TEST(weighted_schedule, comes_near_to_weights_that_are_not_whole) {
    const std::vector<double> weights{1, 0.37, 0.05};
    const weighted_schedule s(weights);
    std::vector<double> places(3);
    for (std::uint32_t i = 0; i < s.length(); ++i) ++places[s.at(i)];
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(places[i] / s.length(), weights[i] / 1.42, 0.001);
}

TEST(weighted_schedule, stays_short_for_many_endpoints_and_leaves_nobody_out) {
    std::vector<double> weights(10'000, 1.0);
    weights[17] = 0.001;
    const weighted_schedule s(weights);
    EXPECT_LE(s.length(), 100'000u);
    bool found = false;
    for (std::uint32_t i = 0; i < s.length(); ++i) found |= s.at(i) == 17;
    EXPECT_TRUE(found);
}

}  // namespace
