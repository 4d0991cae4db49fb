// The endpoints of an upstream through their lives: results in, verdicts and picks out.
#include "endpoints/upstream.hpp"
#include "endpoints/balancer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace fusebox;
using namespace fusebox::gateway;
using namespace std::chrono_literals;

struct gateway_upstream : ::testing::Test {
    time_point now{1000s};
    std::vector<verdict_change> heard;

    std::unique_ptr<upstream> make(upstream_options options, std::vector<std::string> ids) {
        auto made = std::make_unique<upstream>("orders", options, 2, [this](const auto& c) { heard.push_back(c); });
        assign(*made, ids);
        heard.clear();
        return made;
    }
    void assign(upstream& u, const std::vector<std::string>& ids) {
        std::vector<endpoint_spec> specs;
        for (const auto& id : ids) specs.push_back({id, "10.0.0.1:" + id, 1});
        ASSERT_TRUE(u.assign(specs, now));
    }
    // One call to that endpoint.
    void call(balancer& b, const std::string& id, verdict how) {
        auto chosen = b.pick({.bound_to = id}, now);
        ASSERT_TRUE(chosen);
        ASSERT_EQ(chosen->target().id(), id);
        chosen->settle(how, now);
    }
    void fail(balancer& b, const std::string& id, int times) {
        for (int i = 0; i < times; ++i) call(b, id, verdict::failure);
    }
    endpoint_snapshot at(const upstream& u, const std::string& id) {
        for (auto& e : u.snapshot())
            if (e.id == id) return e;
        throw std::out_of_range(id);
    }
    endpoint_verdict verdict_of(const upstream& u, const std::string& id) { return at(u, id).now.verdict; }
};

TEST_F(gateway_upstream, ejects_an_endpoint_after_consecutive_failures_and_says_so) {
    auto u = make({}, {"a", "b"});
    balancer b(*u, 0, 1);
    fail(b, "a", 4);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
    fail(b, "a", 1);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::ejected);
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_EQ(heard[0].endpoint, "a");
    EXPECT_EQ(heard[0].after.reason, verdict_reason::outlier);
    EXPECT_EQ(heard[0].after.until, now + 30s);
    for (int i = 0; i < 50; ++i) EXPECT_EQ(b.pick({}, now)->target().id(), "b");
}

TEST_F(gateway_upstream, forgets_failures_in_a_row_at_a_success) {
    auto u = make({}, {"a", "b"});
    balancer b(*u, 0, 1);
    fail(b, "a", 4);
    call(b, "a", verdict::ignored);  // says nothing
    call(b, "a", verdict::success);
    fail(b, "a", 4);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
}

TEST_F(gateway_upstream, ejects_by_failure_rate_once_an_interval) {
    auto u = make({.ejection = {.consecutive_failures = {}, .failure_rate = 0.5}}, {"a", "b"});
    balancer b(*u, 0, 1);
    u->refresh(now);
    for (int i = 0; i < 10; ++i) {
        call(b, "a", verdict::success);
        call(b, "a", verdict::failure);
        call(b, "b", verdict::success);
    }
    now += 9s;
    u->refresh(now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
    EXPECT_EQ(u->next_due(), now + 1s);
    now += 1s;
    u->refresh(now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::ejected);
    EXPECT_EQ(at(*u, "a").condition.failure_rate, 0.5);
    EXPECT_EQ(at(*u, "a").ejected_for, ejection_reason::failure_rate);
    EXPECT_EQ(verdict_of(*u, "b"), endpoint_verdict::up);
}

TEST_F(gateway_upstream, gives_an_ejected_endpoint_one_trial_at_a_time_after_its_timer) {
    auto u = make({}, {"a", "b"});
    balancer b(*u, 0, 1), other(*u, 1, 2);
    fail(b, "a", 5);
    now += 30s;
    EXPECT_EQ(u->next_due(), now);
    u->refresh(now);
    auto trial = b.pick({}, now);
    EXPECT_EQ(trial->target().id(), "a");
    EXPECT_TRUE(trial->is_trial());
    EXPECT_EQ(b.pick({}, now)->target().id(), "b");
    EXPECT_EQ(other.pick({}, now)->target().id(), "b");
    trial.reset();  // abandoned: the place is free again, and nothing is known
    EXPECT_TRUE(other.pick({}, now)->is_trial());
    EXPECT_FALSE(b.pick({.may_be_trial = false}, now)->is_trial());
    trial = b.pick({}, now);
    trial->settle(verdict::success, now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
}

TEST_F(gateway_upstream, ejects_for_longer_when_the_trial_fails) {
    auto u = make({}, {"a", "b"});
    balancer b(*u, 0, 1);
    fail(b, "a", 5);
    now += 30s;
    u->refresh(now);
    b.pick({}, now)->settle(verdict::failure, now);
    EXPECT_EQ(at(*u, "a").now.until, now + 60s);
}

TEST_F(gateway_upstream, takes_back_a_trial_that_never_ends_and_counts_it_as_failed) {
    auto u = make({}, {"a", "b"});
    balancer b(*u, 0, 1);
    fail(b, "a", 5);
    now += 30s;
    u->refresh(now);
    auto lost = b.pick({}, now);
    ASSERT_TRUE(lost->is_trial());
    now += 10s + 1ns;
    u->refresh(now);
    EXPECT_EQ(at(*u, "a").now.until, now + 60s);
    lost->settle(verdict::success, now);  // too late
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::ejected);
}

TEST_F(gateway_upstream, of_one_endpoint_keeps_it_and_lets_its_own_traffic_prove_it) {
    auto u = make({}, {"a"});
    balancer b(*u, 0, 1);
    fail(b, "a", 5);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
    EXPECT_EQ(at(*u, "a").now.reason, verdict_reason::kept_by_min_available);
    call(b, "a", verdict::success);
    EXPECT_EQ(at(*u, "a").now.reason, verdict_reason::kept_by_min_available);
    now += 30s;
    call(b, "a", verdict::success);
    EXPECT_EQ(at(*u, "a").now.reason, verdict_reason::healthy);
}

TEST_F(gateway_upstream, does_not_take_a_result_from_before_the_ejection_for_a_trial) {
    auto u = make({}, {"a"});
    balancer b(*u, 0, 1);
    auto early = b.pick({}, now);
    now += 1s;
    fail(b, "a", 5);
    now += 30s;
    early->settle(verdict::success, now);
    EXPECT_EQ(at(*u, "a").now.reason, verdict_reason::kept_by_min_available);
}

TEST_F(gateway_upstream, never_revives_an_actively_down_endpoint_by_a_passive_success) {
    auto u = make({.check = {.enabled = true}}, {"a", "b"});
    balancer b(*u, 0, 1);
    u->record_check("a", true, now, now);
    u->record_check("b", true, now, now);
    auto slow = b.pick({.bound_to = "a"}, now);
    for (int i = 0; i < 3; ++i) u->record_check("a", false, now, now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::down);
    slow->settle(verdict::success, now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::down);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(b.pick({.bound_to = "a"}, now)->target().id(), "b");
    u->record_check("a", true, now, now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::down);
    u->record_check("a", true, now, now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
}

TEST_F(gateway_upstream, brings_the_trial_forward_after_enough_passes_that_began_after_the_ejection) {
    auto u = make({.check = {.enabled = true}}, {"a", "b"});
    for (const char* id : {"a", "b"}) u->record_check(id, true, now, now);
    balancer b(*u, 0, 1);
    fail(b, "a", 5);
    u->record_check("a", true, now, now + 1s);
    u->record_check("a", true, now + 1s, now + 2s);
    EXPECT_EQ(at(*u, "a").now.traffic, traffic::none);
    now += 3s;
    u->record_check("a", true, now - 1s, now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::ejected);
    EXPECT_EQ(at(*u, "a").now.traffic, traffic::trial);
}

TEST_F(gateway_upstream, does_not_let_a_check_excuse_failures_of_the_traffic) {
    auto u = make({.check = {.enabled = true}}, {"a", "b"});
    for (const char* id : {"a", "b"}) u->record_check(id, true, now, now);
    balancer b(*u, 0, 1);
    fail(b, "a", 4);
    u->record_check("a", true, now, now);
    fail(b, "a", 1);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::ejected);
}

TEST_F(gateway_upstream, drains_an_endpoint_of_all_but_the_clients_bound_to_it) {
    auto u = make({}, {"a", "b"});
    balancer b(*u, 0, 1);
    EXPECT_TRUE(u->set_admin("a", admin_state::drain, now, now + 60s));
    EXPECT_EQ(b.pick({.bound_to = "a"}, now)->target().id(), "a");
    for (int i = 0; i < 20; ++i) EXPECT_EQ(b.pick({}, now)->target().id(), "b");
    u->set_admin("a", admin_state::maintenance, now, now + 60s);
    EXPECT_EQ(b.pick({.bound_to = "a"}, now)->target().id(), "b");
    now += 60s;
    u->refresh(now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
    EXPECT_FALSE(u->set_admin("nobody", admin_state::drain, now));
}

TEST_F(gateway_upstream, lets_a_half_open_breaker_have_one_trial_at_a_time) {
    auto u = make({}, {"a", "b"});
    balancer b(*u, 0, 1);
    u->set_breaker("a", circuit_state::open, now + 5s, now);
    EXPECT_EQ(b.pick({}, now)->target().id(), "b");
    now += 5s;
    u->refresh(now);
    auto trial = b.pick({}, now);
    EXPECT_EQ(trial->target().id(), "a");
    EXPECT_EQ(b.pick({}, now)->target().id(), "b");
    trial->settle(verdict::success, now);
    u->set_breaker("a", circuit_state::closed, {}, now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
}

TEST_F(gateway_upstream, starts_a_returning_endpoint_slowly_but_not_those_it_began_with) {
    auto u = make({.verdict = {.slow_start = 20s}}, {"a", "b"});
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
    u->set_admin("a", admin_state::maintenance, now);
    now += 1s;
    u->set_admin("a", admin_state::automatic, now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::slow_start);
    EXPECT_DOUBLE_EQ(at(*u, "a").now.share, 0.1);
    EXPECT_EQ(u->next_due(), now + 1s);
    now += 10s;
    u->refresh(now);
    EXPECT_DOUBLE_EQ(at(*u, "a").now.share, 0.5);
    now += 10s;
    u->refresh(now);
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
    assign(*u, {"a", "b", "c"});
    EXPECT_EQ(verdict_of(*u, "c"), endpoint_verdict::slow_start);
}

// F27: endpoints come and go a hundred times a second.
TEST_F(gateway_upstream, keeps_the_state_of_endpoints_that_stay_or_come_back) {
    auto u = make({}, {"a", "b", "c", "d"});
    balancer b(*u, 0, 1);
    fail(b, "a", 5);
    fail(b, "b", 3);
    assign(*u, {"b", "a", "e"});
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::ejected);
    assign(*u, {"b", "c", "d"});
    now += 1s;
    assign(*u, {"a", "b", "c", "d"});
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::ejected);
    EXPECT_EQ(at(*u, "a").totals.failures, 5u);
    fail(b, "b", 2);
    EXPECT_EQ(verdict_of(*u, "b"), endpoint_verdict::ejected);
}

TEST_F(gateway_upstream, takes_another_address_under_the_same_id_for_another_endpoint) {
    auto u = make({}, {"a", "b"});
    balancer b(*u, 0, 1);
    fail(b, "a", 5);
    ASSERT_TRUE(u->assign({{"a", "10.9.9.9:80", 1}, {"b", "10.0.0.1:b", 1}}, now));
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::up);
}

TEST_F(gateway_upstream, lets_a_call_outlive_its_endpoints_removal) {
    auto u = make({.remembered = 0}, {"a", "b"});
    balancer b(*u, 0, 1);
    auto in_flight = b.pick({.bound_to = "a"}, now);
    for (int i = 0; i < 200; ++i) {
        assign(*u, i % 2 == 0 ? std::vector<std::string>{"b"} : std::vector<std::string>{"b", "x"});
        b.pick({}, now)->settle(verdict::success, now);
    }
    EXPECT_EQ(in_flight->target().id(), "a");
    EXPECT_EQ(in_flight->target().totals().in_flight, 1u);
    in_flight->settle(verdict::failure, now);
}

TEST_F(gateway_upstream, has_nothing_to_pick_when_all_are_gone) {
    auto u = make({}, {"a"});
    balancer b(*u, 0, 1);
    u->set_admin("a", admin_state::maintenance, now);
    EXPECT_FALSE(b.pick({}, now));
    assign(*u, {});
    EXPECT_FALSE(b.pick({}, now));
}

TEST_F(gateway_upstream, refuses_endpoints_and_options_that_cannot_be_meant) {
    auto u = make({}, {"a"});
    EXPECT_EQ(u->assign({{"x", "1", 1}, {"x", "2", 1}}, now).error().value, "x");
    EXPECT_EQ(u->assign({{"x", "1", 0}}, now).error().option, "weight of endpoint 'x'");
    EXPECT_EQ(u->snapshot().size(), 1u);
    const auto refused = u->reconfigure({.balance = {.maglev_size = 100}}, now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error()[0].option, "balance.maglev_size");
    EXPECT_THROW(upstream("bad", {.ejection = {.base = 0s}}, 1), configuration_error);
}

TEST_F(gateway_upstream, keeps_ejections_through_a_reload_of_its_options) {
    auto u = make({}, {"a", "b"});
    balancer b(*u, 0, 1);
    fail(b, "a", 5);
    upstream_options other;
    other.balance.algorithm = balancing::ring_hash;
    ASSERT_TRUE(u->reconfigure(other, now));
    EXPECT_EQ(verdict_of(*u, "a"), endpoint_verdict::ejected);
    for (std::uint64_t h = 0; h < 50; ++h) EXPECT_EQ(b.pick({.hash = h << 58}, now)->target().id(), "b");
}

TEST_F(gateway_upstream, tells_its_listener_with_nothing_locked_and_survives_its_throwing) {
    upstream* self = nullptr;
    int told = 0;
    upstream u("orders", {}, 1, [&](const verdict_change&) {
        ++told;
        if (self != nullptr) {
            EXPECT_EQ(self->snapshot().size(), 2u);  // would wait for ever
        }
        throw 1;
    });
    ASSERT_TRUE(u.assign({{"a", "1", 1}, {"b", "2", 1}}, now));
    EXPECT_EQ(told, 2);
    self = &u;
    u.set_admin("a", admin_state::drain, now);
    EXPECT_EQ(told, 3);
}

}  // namespace
