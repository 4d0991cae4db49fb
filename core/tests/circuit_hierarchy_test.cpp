#include "circuit_hierarchy_fixture.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <vector>

using namespace fusebox;
using ::testing::ElementsAre;

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
}

TEST_F(hierarchy, a_virtual_opening_is_no_occasion_to_judge) {
    grow(open_children{1});
    users->breaker()->reconfigure(two_failures(60s)).value();
    fail(users);
    clock.advance(8s);
    EXPECT_TRUE(answers(search));
    orders->breaker()->metrics_only();
    fail(orders);
    EXPECT_EQ(totals(orders).virtual_openings, 1u);
    EXPECT_EQ(state(backend), circuit_state::closed) << "although users is still open";
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
