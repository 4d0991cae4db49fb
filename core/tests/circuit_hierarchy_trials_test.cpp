#include "circuit_hierarchy_fixture.hpp"

#include <stdexcept>

using namespace fusebox;

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
