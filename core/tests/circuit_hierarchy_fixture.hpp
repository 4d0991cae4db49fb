// A small tree of circuits for the stories about them.
#pragma once

#include <fusebox/circuit_hierarchy.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace fusebox {

using namespace std::chrono_literals;

// backend ─┬─ users
//          ├─ orders
//          └─ search     each opens after two failures, for 5 s; the backend waits 8 s. One trial heals.
struct hierarchy : ::testing::Test {
    using node_ptr = std::shared_ptr<circuit_node>;

    fusebox::testing::manual_clock clock;
    node_ptr backend, users, orders, search;

    static circuit_breaker_options two_failures(duration wait = 5s, std::uint32_t trials = 1) {
        return {.consecutive_failures = 2, .open_for = wait, .open_jitter = 0, .half_open_calls = trials};
    }
    node_ptr node(std::string name, const node_ptr& parent, circuit_node_options options = {}, duration wait = 5s,
                  std::uint32_t trials = 1) {
        auto breaker = std::make_shared<circuit_breaker>(std::move(name), two_failures(wait, trials), &clock);
        return std::make_shared<circuit_node>(breaker, options, parent);
    }
    void grow(children_rule rule, std::uint32_t trials = 1) {
        backend = node("backend", nullptr, {.opens_on = rule}, 8s, trials);
        users = node("users", backend);
        orders = node("orders", backend);
        search = node("search", backend);
    }
    static bool answers(const node_ptr& n) {
        return n->call([] { return 1; }).has_value();
    }
    static void fail(const node_ptr& n, int times = 2) {
        for (int i = 0; i < times; ++i) (void)n->call([]() -> std::expected<int, int> { return std::unexpected(503); });
    }
    static circuit_state state(const node_ptr& n) { return n->breaker()->state(); }
    static circuit_totals totals(const node_ptr& n) { return n->breaker()->snapshot().totals; }
};

}  // namespace fusebox
