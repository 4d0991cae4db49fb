#include <fusebox/circuit_hierarchy.hpp>
#include <fusebox/testing/manual_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

namespace {

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

}  // namespace

TEST_F(hierarchy, a_child_opens_alone_without_touching_its_siblings) {
    grow(open_children{2});
    fail(users);
    EXPECT_EQ(users->call([] { return 1; }).error(), (rejection{errc::circuit_open, 5s}));
    EXPECT_TRUE(answers(orders));
    EXPECT_TRUE(answers(search));
    EXPECT_EQ(state(backend), circuit_state::closed);
}

TEST_F(hierarchy, a_closed_parent_counts_nothing_of_its_childrens_calls) {
    grow(open_children{2});
    fail(users, 20);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(answers(orders));
    EXPECT_EQ(totals(backend), circuit_totals{});
}

TEST_F(hierarchy, any_open_child_opens_its_parent_where_one_is_enough) {
    grow(open_children{1});
    fail(users);
    EXPECT_EQ(state(backend), circuit_state::open);
}

TEST_F(hierarchy, so_many_open_children_open_their_parent) {
    grow(open_children{2});
    fail(users);
    EXPECT_EQ(state(backend), circuit_state::closed);
    fail(orders);
    EXPECT_EQ(state(backend), circuit_state::open);
}

TEST_F(hierarchy, the_share_of_the_open_childrens_weight_opens_their_parent) {
    backend = node("backend", nullptr, {.opens_on = open_weight{0.6}});
    users = node("users", backend, {.weight = 1});
    orders = node("orders", backend, {.weight = 2});
    search = node("search", backend, {.weight = 2});
    fail(users);
    EXPECT_EQ(backend->snapshot().tally(), (children_tally{.open = 1, .weight_open = 1, .weight = 5}));
    EXPECT_EQ(state(backend), circuit_state::closed);
    fail(orders);
    EXPECT_EQ(backend->snapshot().tally(), (children_tally{.open = 2, .weight_open = 3, .weight = 5}));
    EXPECT_EQ(state(backend), circuit_state::open) << "3/5 reaches 0.6";
}

TEST_F(hierarchy, half_of_the_weight_is_the_default) {
    backend = node("backend", nullptr);
    users = node("users", backend);
    orders = node("orders", backend);
    fail(orders);
    EXPECT_EQ(state(backend), circuit_state::open);
}

TEST_F(hierarchy, an_open_parent_rejects_the_calls_of_all_children_by_its_name) {
    grow(open_children{2});
    fail(users);
    fail(orders);
    bool called = false;
    const auto refused = search->call([&] { called = true; });
    EXPECT_FALSE(called);
    EXPECT_EQ(refused.error().code, errc::parent_open);
    EXPECT_EQ(refused.error().retry_after, 8s) << "the parent's own wait";
    EXPECT_EQ(refused.error().message(), "Parent circuit backend is OPEN. Retry in 8s");
    EXPECT_EQ(totals(backend).rejected, 1u) << "counted once, by who refused";
    EXPECT_EQ(totals(search), circuit_totals{});
}

TEST_F(hierarchy, the_opening_names_its_rule) {
    grow(open_children{2});
    std::vector<std::string> told;
    const auto listening = backend->breaker()->subscribe([&](const circuit_event& e) {
        told.push_back(std::string(e.circuit) + " " + to_string(e.kind) + " by " + to_string(e.rule));
        EXPECT_EQ(e.retry_after, 8s);
    });
    fail(users);
    fail(orders);
    EXPECT_THAT(told, ElementsAre("backend circuit_opened by children"));
    EXPECT_EQ(backend->breaker()->snapshot().last_rule, trip_rule::children);
}

TEST_F(hierarchy, a_trial_through_the_parent_settles_both_with_the_one_call) {
    grow(open_children{1});
    fail(users);
    clock.advance(8s);  // both are due
    auto trial = users->try_acquire().value();
    EXPECT_EQ(trial.trials(), 2u);
    EXPECT_EQ(state(backend), circuit_state::half_open);
    EXPECT_EQ(state(users), circuit_state::half_open);
    trial.settle(verdict::success);
    EXPECT_EQ(state(backend), circuit_state::closed);
    EXPECT_EQ(state(users), circuit_state::closed);
    EXPECT_EQ(totals(backend).successes, 1u);
    EXPECT_EQ(totals(users).successes, 1u);
    trial.settle(verdict::failure);
    EXPECT_EQ(totals(backend).calls() + totals(users).calls(), 4u)
        << "settled once: 2 failures, 1 success, 1 trial above";
}

TEST_F(hierarchy, a_failed_trial_opens_both_again) {
    grow(open_children{1});
    fail(users);
    clock.advance(8s);
    fail(users, 1);
    EXPECT_EQ(state(users), circuit_state::open);
    EXPECT_EQ(state(backend), circuit_state::open);
    EXPECT_EQ(backend->breaker()->snapshot().last_rule, trip_rule::trial_failed);
    EXPECT_EQ(backend->breaker()->snapshot().retry_after, 16s) << "its own sequence of waits";
    EXPECT_EQ(totals(backend).openings, 2u);
}

TEST_F(hierarchy, a_healthy_childs_call_is_a_trial_of_the_parent_alone) {
    grow(open_children{1});
    fail(users);
    clock.advance(8s);
    auto trial = search->try_acquire().value();
    EXPECT_EQ(trial.trials(), 1u);
    trial.settle(verdict::success);
    EXPECT_EQ(state(backend), circuit_state::closed);
    EXPECT_EQ(state(users), circuit_state::open) << "heals by its own trial";
    EXPECT_TRUE(answers(users));
    EXPECT_EQ(state(users), circuit_state::closed);
}

TEST_F(hierarchy, the_parents_places_are_shared_by_all_children) {
    grow(open_children{1}, 3);
    fail(users);
    clock.advance(8s);
    auto trial = search->try_acquire().value();
    const auto second = orders->try_acquire();
    EXPECT_EQ(second.error().message(), "Parent circuit backend is OPEN") << "one trial at a time";
    trial.settle(verdict::success);
    EXPECT_TRUE(answers(orders));
    EXPECT_TRUE(answers(users)) << "the third trial of the backend, and the one that users needs";
    EXPECT_EQ(state(backend), circuit_state::closed);
    EXPECT_EQ(state(users), circuit_state::closed);
}

TEST_F(hierarchy, a_child_that_refuses_takes_no_place_of_its_parent) {
    grow(open_children{1}, 3);
    users->breaker()->force_open();
    fail(orders);
    clock.advance(8s);
    EXPECT_EQ(users->try_acquire().error().code, errc::circuit_open);
    EXPECT_EQ(state(backend), circuit_state::open) << "not even half-opened for a call that cannot be made";
    EXPECT_TRUE(answers(search));
    EXPECT_EQ(users->try_acquire().error().code, errc::circuit_open);
    EXPECT_EQ(totals(backend).abandoned, 0u);
}

TEST_F(hierarchy, a_busy_half_open_child_gives_the_parents_place_back) {
    grow(open_children{1}, 3);
    backend->breaker()
        ->reconfigure({.consecutive_failures = 2, .half_open_calls = 3, .half_open_concurrency = 2})
        .value();
    fail(users);
    clock.advance(8s);
    auto trial = users->try_acquire().value();
    EXPECT_EQ(users->try_acquire().error().code, errc::circuit_open) << "its only trial is on its way";
    EXPECT_EQ(backend->breaker()->snapshot().half_open.in_flight, 1u);
    auto other = search->try_acquire();
    EXPECT_TRUE(other) << "the second place is free for a sibling";
    EXPECT_EQ(backend->breaker()->snapshot().half_open.in_flight, 2u);
}

TEST_F(hierarchy, an_abandoned_trial_gives_both_places_back) {
    grow(open_children{1});
    fail(users);
    clock.advance(8s);
    { const auto dropped = users->try_acquire().value(); }
    EXPECT_EQ(totals(backend).abandoned, 1u);
    EXPECT_EQ(totals(users).abandoned, 1u);
    EXPECT_TRUE(answers(users));
    EXPECT_EQ(state(backend), circuit_state::closed);
}

TEST_F(hierarchy, an_exception_settles_both_and_passes_through) {
    grow(open_children{1});
    fail(users);
    clock.advance(8s);
    EXPECT_THROW((void)users->call([]() -> int { throw std::runtime_error("io"); }), std::runtime_error);
    EXPECT_EQ(state(users), circuit_state::open);
    EXPECT_EQ(state(backend), circuit_state::open);
}

TEST_F(hierarchy, a_refusal_inside_the_operation_is_neutral_to_both) {
    grow(open_children{1});
    fail(users);
    clock.advance(8s);
    (void)users->call([]() -> std::expected<int, rejection> { return std::unexpected(rejection{errc::rate_limited}); });
    EXPECT_EQ(totals(users).ignored, 1u);
    EXPECT_EQ(totals(backend).ignored, 1u);
    EXPECT_EQ(state(backend), circuit_state::half_open);
}

TEST_F(hierarchy, a_trial_that_never_returns_is_reclaimed_by_each_circuit) {
    grow(open_children{1});
    fail(users);
    clock.advance(8s);
    auto lost = users->try_acquire();
    clock.advance(10s);  // the lease
    EXPECT_EQ(state(backend), circuit_state::open);
    EXPECT_EQ(state(users), circuit_state::open);
    lost->settle(verdict::success);
    EXPECT_EQ(totals(backend).late_results, 1u);
    EXPECT_EQ(totals(users).late_results, 1u);
}

TEST_F(hierarchy, an_operator_opens_the_parent_and_blocks_all) {
    grow(open_children{2});
    backend->breaker()->force_open();
    for (const auto& n : {users, orders, search})
        EXPECT_EQ(n->call([] {}).error().message(), "Parent circuit backend is OPEN");
    EXPECT_EQ(backend->call([] {}).error().code, errc::circuit_open) << "it is nobody's parent to itself";
    backend->breaker()->reset();
    EXPECT_TRUE(answers(users));
}

TEST_F(hierarchy, an_operator_who_disables_the_parent_lets_all_pass) {
    grow(open_children{1});
    fail(users);
    backend->breaker()->disable();
    EXPECT_TRUE(answers(search));
    fail(orders);
    EXPECT_EQ(state(backend), circuit_state::disabled) << "no rule opens it";
    backend->breaker()->force_open();
    clock.advance(5s);
    search->breaker()->trip(trip_rule::custom);
    EXPECT_EQ(state(backend), circuit_state::forced_open);
}

TEST_F(hierarchy, metrics_only_says_what_the_parent_would_have_done) {
    grow(open_children{1});
    backend->breaker()->metrics_only();
    fail(users);
    EXPECT_EQ(totals(backend).virtual_openings, 1u);
    EXPECT_TRUE(answers(search));
    EXPECT_EQ(totals(backend).would_reject, 1u);
    clock.advance(8s);
    EXPECT_TRUE(answers(search));
    EXPECT_EQ(backend->breaker()->snapshot().virtual_state, circuit_state::closed) << "healed by a trial";
    EXPECT_TRUE(answers(search));
    EXPECT_EQ(totals(backend).would_reject, 1u);
}

TEST_F(hierarchy, what_an_operator_forces_open_is_no_evidence) {
    grow(open_children{1});
    users->breaker()->force_open();
    EXPECT_EQ(state(backend), circuit_state::closed);
    users->breaker()->metrics_only();
    for (int i = 0; i < 2; ++i) users->try_acquire().value().settle(verdict::failure);
    EXPECT_EQ(totals(users).virtual_openings, 1u);
    EXPECT_EQ(state(backend), circuit_state::closed) << "a virtual opening is none";
}

TEST_F(hierarchy, a_parent_that_healed_waits_for_the_next_child_to_open) {
    grow(open_children{2});
    users->breaker()->reconfigure(two_failures(60s)).value();
    fail(users);
    fail(orders);
    clock.advance(8s);
    EXPECT_TRUE(answers(search));
    EXPECT_EQ(state(backend), circuit_state::closed) << "although two children are still open";
    fail(orders, 1);
    EXPECT_EQ(state(backend), circuit_state::open) << "a child that opens again counts like any other";
}

TEST_F(hierarchy, a_parent_judges_its_own_calls_by_its_own_rules) {
    grow(open_children{2});
    fail(backend);
    EXPECT_EQ(backend->breaker()->snapshot().last_rule, trip_rule::consecutive_failures);
    EXPECT_FALSE(answers(users));
}

TEST_F(hierarchy, openings_climb_as_many_levels_as_there_are) {
    const auto region = node("region", nullptr, {.opens_on = open_children{1}}, 20s);
    backend = node("backend", region, {.opens_on = open_children{1}}, 8s);
    users = node("users", backend);
    const auto mail = node("mail", region);
    fail(users);
    EXPECT_EQ(state(region), circuit_state::open);
    EXPECT_EQ(users->call([] {}).error().message(), "Parent circuit region is OPEN. Retry in 20s")
        << "from the root down";
    EXPECT_FALSE(answers(mail));
    clock.advance(20s);
    auto trial = users->try_acquire().value();
    EXPECT_EQ(trial.trials(), 3u);
    trial.settle(verdict::success);
    for (const auto& n : {region, backend, users}) EXPECT_EQ(state(n), circuit_state::closed);
    EXPECT_TRUE(answers(mail));
}

TEST_F(hierarchy, a_destroyed_child_counts_no_more_and_opens_nothing) {
    backend = node("backend", nullptr, {.opens_on = open_weight{0.6}});
    users = node("users", backend);
    orders = node("orders", backend);
    fail(users);
    orders.reset();
    EXPECT_EQ(backend->snapshot().tally(), (children_tally{.open = 1, .weight_open = 1, .weight = 1}));
    EXPECT_EQ(state(backend), circuit_state::closed) << "judged when a child opens, and only then";
    const auto breaker = users->breaker();
    users.reset();
    EXPECT_EQ(backend->snapshot().children.size(), 0u);
    clock.advance(5s);
    breaker->try_acquire().value().settle(verdict::failure);
    EXPECT_EQ(state(backend), circuit_state::closed) << "a breaker without its node is an orphan";
}

TEST_F(hierarchy, children_keep_their_parent_alive) {
    grow(open_children{1});
    const auto breaker = backend->breaker();
    backend.reset();
    fail(users);
    EXPECT_EQ(orders->call([] {}).error().message(), "Parent circuit backend is OPEN. Retry in 8s");
    const rejection kept = orders->call([] {}).error();
    users.reset(), orders.reset(), search.reset();
    EXPECT_EQ(kept.message(), "Parent circuit backend is OPEN. Retry in 8s") << "a refusal outlives the tree";
}

TEST_F(hierarchy, a_snapshot_shows_the_tree) {
    grow(open_children{2});
    fail(users);
    const auto s = backend->snapshot();
    EXPECT_EQ(s.circuit.name, "backend");
    ASSERT_EQ(s.children.size(), 3u);
    EXPECT_EQ(s.children[0].circuit.name, "users");
    EXPECT_EQ(s.children[0].circuit.state, circuit_state::open);
    EXPECT_EQ(s.children[2].circuit.name, "search");
    EXPECT_EQ(users->parent(), backend);
}

TEST_F(hierarchy, a_listener_may_use_the_tree_it_hears_of) {
    grow(open_children{1});
    std::optional<errc> heard;
    const auto s = backend->breaker()->subscribe([&](const circuit_event&) {
        heard = search->call([] {}).error().code;
        EXPECT_EQ(backend->snapshot().tally().open, 1u);
        orders.reset();
    });
    fail(users);
    EXPECT_EQ(heard, errc::parent_open);
    EXPECT_EQ(backend->snapshot().children.size(), 2u);
}

TEST_F(hierarchy, a_driver_may_lend_its_clock_reading) {
    grow(open_children{1});
    fail(users);
    const time_point later = clock.now() + 8s;
    EXPECT_EQ(users->enter(clock.now()).error().code, errc::parent_open);
    auto p = users->enter(later);
    ASSERT_TRUE(p);
    p->settle(verdict::success, later);
    EXPECT_EQ(state(backend), circuit_state::closed);
}

TEST_F(hierarchy, what_cannot_be_meant_is_refused) {
    const auto breaker = std::make_shared<circuit_breaker>("users");
    EXPECT_THAT((circuit_node_options{.opens_on = open_children{0}, .weight = 0}.validate()),
                ElementsAre(config_error{"opens_on.at_least", "0", "must be between 1 and 1000000"},
                            config_error{"weight", "0", "must be between 1 and 1000000"}));
    EXPECT_THROW(circuit_node(breaker, {.opens_on = open_weight{1.5}}), configuration_error);
    EXPECT_THROW(circuit_node(nullptr), configuration_error);
}

TEST_F(hierarchy, a_reason_from_outside_opens_only_a_closed_circuit) {
    circuit_breaker b{"orders", two_failures(), &clock};
    b.trip(trip_rule::children);
    EXPECT_EQ(b.snapshot().last_rule, trip_rule::children);
    EXPECT_TRUE(b.is_shut());
    clock.advance(5s);
    EXPECT_FALSE(b.is_shut()) << "due for a trial";
    auto trial = b.try_acquire();
    b.trip(trip_rule::children);
    EXPECT_EQ(b.state(), circuit_state::half_open);
    trial->settle(verdict::success);
    EXPECT_EQ(b.state(), circuit_state::closed);
}

static_assert(sizeof(rejection) == 16 && std::is_trivially_copyable_v<rejection>);
