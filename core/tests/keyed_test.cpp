#include <fusebox/circuit_breaker.hpp>
#include <fusebox/keyed.hpp>
#include <fusebox/rate_limiter.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

// Counts how many of it are alive.
struct counted {
    explicit counted(int& n) : alive(&n) { ++*alive; }
    ~counted() { --*alive; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    int* alive;
};

std::vector<std::string> keys(const keyed<counted>& k) {
    std::vector<std::string> out;
    k.for_each([&](std::string_view key, const auto&) { out.emplace_back(key); });
    return out;
}

}  // namespace

TEST(keyed, makes_one_policy_for_each_key) {
    std::vector<std::string> made;
    keyed<circuit_breaker> breakers{[&](std::string_view key) {
        made.emplace_back(key);
        return std::make_shared<circuit_breaker>(std::string(key));
    }};
    const auto orders = breakers.get("orders");
    EXPECT_EQ(orders->name(), "orders");
    EXPECT_EQ(breakers.get(std::string{"orders"}), orders);
    EXPECT_NE(breakers.get("offers"), orders);
    EXPECT_THAT(made, testing::ElementsAre("orders", "offers"));
}

TEST(keyed, limits_each_caller_by_itself) {
    keyed<token_bucket> per_user{[](std::string_view) { return std::make_shared<token_bucket>(); }};
    constexpr time_point now{1h};
    EXPECT_TRUE(per_user.get("ann")->enter(now));
    EXPECT_FALSE(per_user.get("ann")->enter(now));
    EXPECT_TRUE(per_user.get("bob")->enter(now));
}

TEST(keyed, forgets_the_key_that_was_not_asked_for_the_longest) {
    int alive = 0;
    keyed<counted> k{[&](std::string_view) { return std::make_shared<counted>(alive); }, {.capacity = 3}};
    for (const char* key : {"a", "b", "c", "a", "d"}) k.get(key);
    EXPECT_THAT(keys(k), testing::ElementsAre("d", "a", "c"));
    EXPECT_EQ(alive, 3);
    EXPECT_EQ(k.snapshot().evictions, 1u);
}

TEST(keyed, never_forgets_a_policy_in_use) {
    int alive = 0;
    keyed<counted> k{[&](std::string_view) { return std::make_shared<counted>(alive); }, {.capacity = 2}};
    auto a = k.get("a"), b = k.get("b");
    k.get("c");
    EXPECT_THAT(keys(k), testing::UnorderedElementsAre("a", "b", "c")) << "all in use, the newest one until now";
    auto d = k.get("d");
    EXPECT_THAT(keys(k), testing::UnorderedElementsAre("a", "b", "d"));
    EXPECT_EQ(k.get("a"), a);
    b.reset();
    d.reset();
    k.get("e");
    EXPECT_THAT(keys(k), testing::UnorderedElementsAre("a", "e"));
}

TEST(keyed, a_hundred_thousand_keys_leave_a_thousand_policies) {
    int alive = 0, most = 0;
    keyed<counted> k{[&](std::string_view) { return std::make_shared<counted>(alive); }, {.capacity = 1000}};
    for (int i = 0; i < 100'000; ++i) {
        k.get("user-" + std::to_string(i));
        most = std::max(most, alive);
    }
    EXPECT_LE(most, 1001) << "the new one is made before an old one goes";
    EXPECT_EQ(alive, 1000);
    EXPECT_EQ(k.snapshot().size, 1000u);
    EXPECT_EQ(k.snapshot().evictions, 99'000u);
    EXPECT_EQ(keys(k).size(), 1000u);
}

TEST(keyed, as_many_keys_as_fit_are_all_kept) {
    int alive = 0;
    keyed<counted> k{[&](std::string_view) { return std::make_shared<counted>(alive); }, {.capacity = 1000}};
    for (int round = 0; round < 3; ++round)
        for (int i = 0; i < 1000; ++i) k.get(std::to_string(i));
    EXPECT_EQ(alive, 1000);
    EXPECT_EQ(k.snapshot().evictions, 0u);
}

TEST(keyed, comes_back_to_its_bound_once_policies_are_let_go) {
    int alive = 0;
    keyed<counted> k{[&](std::string_view) { return std::make_shared<counted>(alive); }, {.capacity = 100}};
    std::vector<std::shared_ptr<counted>> held;
    for (int i = 0; i < 300; ++i) held.push_back(k.get(std::to_string(i)));
    EXPECT_EQ(k.snapshot().size, 300u);
    held.clear();
    for (int i = 0; i < 100; ++i) k.get("next " + std::to_string(i));
    EXPECT_EQ(k.snapshot().size, 100u);
}

TEST(keyed, visitors_and_factories_may_ask_for_keys_themselves) {
    int alive = 0;
    keyed<counted>* self = nullptr;
    keyed<counted> k{[&](std::string_view key) {
        if (key != "parent") self->get("parent");
        return std::make_shared<counted>(alive);
    }};
    self = &k;
    k.get("child");
    k.for_each([&](std::string_view key, const auto&) { k.get(key); });
    EXPECT_EQ(alive, 2);
}

TEST(keyed, a_factory_that_fails_leaves_nothing_behind) {
    keyed<counted> k{[](std::string_view key) -> std::shared_ptr<counted> {
        if (key == "null") return nullptr;
        throw std::runtime_error("no");
    }};
    EXPECT_THROW(k.get("null"), std::logic_error);
    EXPECT_THROW(k.get("other"), std::runtime_error);
    EXPECT_EQ(k.snapshot().size, 0u);
}

TEST(keyed, options_that_cannot_be_meant_are_refused) {
    EXPECT_THROW(keyed<counted>({}, {.capacity = 0}), configuration_error);
    EXPECT_FALSE(keyed_options{.capacity = 10'000'001}.validate().empty());
}

TEST(keyed, forgets_closed_circuits_before_open_ones) {
    keyed<circuit_breaker> breakers{
        [](std::string_view key) { return std::make_shared<circuit_breaker>(std::string(key)); }, {.capacity = 100}};
    for (int i = 0; i < 99; ++i) breakers.get("ill " + std::to_string(i))->force_open();
    breakers.get("healthy");
    for (int i = 0; i < 1000; ++i) breakers.get("stranger " + std::to_string(i));
    int open = 0;
    breakers.for_each([&](std::string_view, const auto& b) { open += b->state() == circuit_state::forced_open; });
    EXPECT_EQ(open, 99);
    EXPECT_EQ(breakers.snapshot().size, 100u);
}

TEST(keyed, keeps_its_bound_when_all_circuits_are_open) {
    keyed<circuit_breaker> breakers{
        [](std::string_view key) { return std::make_shared<circuit_breaker>(std::string(key)); }, {.capacity = 50}};
    for (int i = 0; i < 500; ++i) breakers.get(std::to_string(i))->force_open();
    EXPECT_LE(breakers.snapshot().size, 51u) << "the newest was closed when it came";
    breakers.for_each([](std::string_view key, const auto&) { EXPECT_GE(std::stoi(std::string(key)), 449); });
}

TEST(keyed, a_circuit_that_has_closed_again_is_forgotten_like_any_other) {
    keyed<circuit_breaker> breakers{
        [](std::string_view key) { return std::make_shared<circuit_breaker>(std::string(key)); }, {.capacity = 2}};
    breakers.get("a")->force_open();
    breakers.get("b");
    breakers.get("c");  // forgets b, keeps a aside
    breakers.for_each([](std::string_view, const auto& b) { b->reset(); });
    breakers.get("d");
    breakers.get("e");
    std::vector<std::string> left;
    breakers.for_each([&](std::string_view key, const auto&) { left.emplace_back(key); });
    EXPECT_THAT(left, testing::Not(testing::Contains("a")));
}
