#include <fusebox/circuit_breaker_registry.hpp>
#include <fusebox/preset.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(circuit_breaker_registry, makes_a_breaker_once_when_first_asked) {
    circuit_breaker_registry breakers{{.consecutive_failures = 2}};
    EXPECT_EQ(breakers.find("orders"), nullptr);
    const auto orders = breakers.get("orders");
    EXPECT_EQ(orders->name(), "orders");
    EXPECT_EQ(breakers.get("orders"), orders);
    EXPECT_EQ(breakers.find("orders"), orders);
    EXPECT_EQ(breakers.all().size(), 1u);
}

TEST(circuit_breaker_registry, one_that_fails_leaves_the_others_alone) {
    circuit_breaker_registry breakers{{.consecutive_failures = 1}};
    (void)breakers.get("orders")->call([]() -> std::expected<int, int> { return std::unexpected(1); });
    EXPECT_EQ(breakers.get("orders")->state(), circuit_state::open);
    EXPECT_EQ(breakers.get("users")->state(), circuit_state::closed);
}

TEST(circuit_breaker_registry, overrides_hold_for_one_name_before_and_after_it_is_made) {
    circuit_breaker_registry breakers{presets::internal_service()};
    ASSERT_TRUE(breakers.configure("payments", presets::external_api()));
    EXPECT_EQ(breakers.get("payments")->options()->open_for, 45s);
    EXPECT_EQ(breakers.get("users")->options()->open_for, 23s);
    ASSERT_TRUE(breakers.configure("payments", presets::database()));
    EXPECT_EQ(breakers.get("payments")->options()->open_for, 15s);
    ASSERT_TRUE(breakers.configure_shared(presets::cache()));
    EXPECT_EQ(breakers.get("users")->options()->open_for, 8s);
    EXPECT_EQ(breakers.get("payments")->options()->open_for, 15s) << "has its own";
}

TEST(circuit_breaker_registry, an_override_given_while_the_shared_options_change_holds) {
    circuit_breaker_registry breakers{presets::internal_service()};
    (void)breakers.get("orders");
    (void)breakers.get("payments");
    const auto s = breakers.subscribe([&](const circuit_event& e) {
        if (e.circuit == "orders") (void)breakers.configure("payments", presets::database());
    });
    ASSERT_TRUE(breakers.configure_shared(presets::cache()));
    EXPECT_EQ(breakers.get("orders")->options()->open_for, 8s);
    EXPECT_EQ(breakers.get("payments")->options()->open_for, 15s);
}

TEST(circuit_breaker_registry, refuses_options_that_cannot_be_meant) {
    EXPECT_THROW(circuit_breaker_registry({.open_for = 0s}), configuration_error);
    circuit_breaker_registry breakers;
    EXPECT_EQ(breakers.configure("a", {.open_for = 0s}).error().front().option, "open_for");
    EXPECT_EQ(breakers.configure_shared({.open_for = 0s}).error().front().option, "open_for");
}

TEST(circuit_breaker_registry, tells_of_all_breakers_those_to_come_included) {
    circuit_breaker_registry breakers;
    std::vector<std::string> seen;
    const auto early = breakers.get("early");
    {
        const auto s = breakers.subscribe(
            [&](const circuit_event& e) { seen.push_back(std::string(e.circuit) + ' ' + to_string(e.kind)); });
        early->force_open();
        breakers.get("late")->disable();
    }
    early->reset();
    EXPECT_THAT(seen, ElementsAre("early circuit_forced_open", "late circuit_disabled"));
}

TEST(circuit_breaker_registry, a_removed_breaker_lives_on_with_who_holds_it) {
    circuit_breaker_registry breakers;
    const auto held = breakers.get("orders");
    EXPECT_TRUE(breakers.remove("orders"));
    EXPECT_FALSE(breakers.remove("orders"));
    EXPECT_EQ(held->call([] { return 3; }), 3);
    EXPECT_NE(breakers.get("orders"), held);
}
