// Ring and Maglev: the same on every machine, by weight, and with little moved when an endpoint comes or goes.
#include "endpoints/maglev.hpp"
#include "text/stable_hash.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace fusebox::gateway;

std::vector<std::string> names(std::size_t n) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < n; ++i)
        out.push_back("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    return out;
}

std::vector<hashed_endpoint> endpoints(const std::vector<std::string>& ids, std::uint32_t weight = 1) {
    std::vector<hashed_endpoint> out;
    for (const auto& id : ids) out.push_back({id, weight});
    return out;
}

// Whose each key is, by id.
template <class Table>
std::vector<std::string_view> owners(const Table& table, const std::vector<hashed_endpoint>& of, int keys = 20'000) {
    std::vector<std::string_view> out;
    for (int k = 0; k < keys; ++k)
        out.push_back(of[table.endpoint(table.place(stable_hash("key" + std::to_string(k))))].id);
    return out;
}

double share(const std::vector<std::string_view>& of, std::string_view id) {
    return double(std::ranges::count(of, id)) / double(of.size());
}

TEST(stable_hash, is_the_same_for_ever) {
    EXPECT_EQ(stable_hash(""), 0xf52a15e9a9b5e89bu);
    EXPECT_EQ(stable_hash("user-42"), 8797103408588478355u);
    EXPECT_EQ(stable_hash("user-42", 7), 10359835418718964721u);
}

template <class Table>
class consistent_hash : public ::testing::Test {};
using tables = ::testing::Types<hash_ring, maglev>;
TYPED_TEST_SUITE(consistent_hash, tables);

TYPED_TEST(consistent_hash, does_not_depend_on_the_order_of_the_endpoints) {
    auto ids = names(7);
    const auto forward = endpoints(ids);
    const auto there = owners(TypeParam(forward), forward);
    auto turned = forward;
    std::ranges::reverse(turned);
    EXPECT_EQ(owners(TypeParam(turned), turned), there);
}

TYPED_TEST(consistent_hash, gives_keys_by_weight) {
    const auto ids = names(4);
    auto of = endpoints(ids, 2);
    of[3].weight = 6;
    const auto whose = owners(TypeParam(of), of);
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(share(whose, ids[i]), 1.0 / 6, 0.03);
    EXPECT_NEAR(share(whose, ids[3]), 0.5, 0.05);
}

TYPED_TEST(consistent_hash, moves_little_more_than_the_keys_of_an_endpoint_that_goes) {
    const auto ids = names(10);
    const auto all = endpoints(ids);
    auto fewer = all;
    fewer.erase(fewer.begin() + 4);
    const auto before = owners(TypeParam(all), all), after = owners(TypeParam(fewer), fewer);
    std::size_t moved = 0, stayers = 0;
    for (std::size_t k = 0; k < before.size(); ++k) {
        EXPECT_NE(after[k], ids[4]);
        if (before[k] == ids[4]) continue;
        ++stayers;
        moved += before[k] != after[k];
    }
    const double bearable = std::is_same_v<TypeParam, hash_ring> ? 0 : 0.05;
    EXPECT_LE(double(moved) / double(stayers), bearable);
}

RC_GTEST_PROP(hash_ring, moves_no_key_between_two_endpoints_that_stay, ()) {
    const auto ids = names(*rc::gen::inRange<std::size_t>(4, 30));
    std::vector<hashed_endpoint> before, after;
    for (const auto& id : ids) {
        const hashed_endpoint e{id, *rc::gen::inRange<std::uint32_t>(1, 5)};
        // The first stays, so that neither ring is empty.
        const int fate = id == ids[0] ? 2 : *rc::gen::inRange(0, 4);
        if (fate != 0) before.push_back(e);
        if (fate != 1) after.push_back(e);
    }
    const auto was = owners(hash_ring(before), before, 300), is = owners(hash_ring(after), after, 300);
    const auto in = [](const auto& set, std::string_view id) {
        return std::ranges::find(set, id, &hashed_endpoint::id) != set.end();
    };
    for (std::size_t k = 0; k < was.size(); ++k) RC_ASSERT(was[k] == is[k] || !in(after, was[k]) || !in(before, is[k]));
}

TEST(hash_ring, is_bounded_whatever_the_weights) {
    const auto ids = names(300);
    const hash_ring ring(endpoints(ids, 1000));
    EXPECT_LE(ring.size(), hash_ring::max_points);
    EXPECT_GE(ring.size(), hash_ring::max_points / 2);
}

TEST(hash_ring, finds_the_next_point_clockwise) {
    const auto ids = names(3);
    const hash_ring ring(endpoints(ids));
    EXPECT_EQ(ring.place(~std::uint64_t{0}), 0u);  // beyond the last point the ring begins again
    EXPECT_EQ(ring.after(ring.size() - 1), 0u);
    std::uint32_t before = 0;
    for (std::uint64_t h = 0; h < 5000; ++h) {
        const std::uint32_t place = ring.place(h << 51);
        EXPECT_TRUE(place >= before || place == 0);
        before = std::max(before, place);
    }
}

TEST(maglev, gives_each_endpoint_its_places_almost_exactly) {
    const auto ids = names(600);
    const auto of = endpoints(ids);
    const maglev table(of);
    std::vector<std::uint32_t> places(of.size());
    for (std::uint32_t p = 0; p < table.size(); ++p) ++places[table.endpoint(p)];
    const auto [least, most] = std::ranges::minmax(places);
    EXPECT_LE(most - least, 1u);
}

TEST(maglev, needs_a_prime) {
    EXPECT_TRUE(is_prime(maglev::default_size));
    EXPECT_TRUE(is_prime(maglev::greatest_size));
    EXPECT_TRUE(is_prime(2) && is_prime(3) && is_prime(251));
    EXPECT_FALSE(is_prime(0) || is_prime(1) || is_prime(65'536) || is_prime(65'535) || is_prime(49));
}

}  // namespace
