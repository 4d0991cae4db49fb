// Seed 003: the breaker with others of its kind, and with retries, timeouts, bulkheads, fallbacks and metrics.
#include "seed_003_fixture.hpp"

#include <fusebox/adaptive_thresholds.hpp>
#include <fusebox/bulkhead.hpp>
#include <fusebox/circuit_breaker_registry.hpp>
#include <fusebox/circuit_hierarchy.hpp>
#include <fusebox/composition.hpp>
#include <fusebox/fallback.hpp>
#include <fusebox/metrics/circuit_metrics.hpp>
#include <fusebox/pipeline.hpp>
#include <fusebox/preset.hpp>
#include <fusebox/testing/manual_runtime.hpp>
#include <fusebox/testing/scripted_call.hpp>

#include <memory>
#include <vector>

namespace {

using namespace e2e;
using ::testing::HasSubstr;

TEST(seed_003, A003_A1_each_endpoint_has_a_breaker_of_its_own_made_when_first_asked_for) {
    circuit_breaker_registry breakers{{.failure_count_threshold = 5, .open_for = 30s}};
    EXPECT_EQ(breakers.find("orders-api"), nullptr);
    fail(*breakers.get("orders-api"), 5);
    EXPECT_EQ(breakers.get("orders-api")->state(), circuit_state::open);
    EXPECT_EQ(refusal(*breakers.get("users-api")), "called");
    EXPECT_EQ(breakers.all().size(), 2u);
}

TEST(seed_003, A003_A2_only_an_open_circuit_is_answered_from_the_cache) {
    fusebox::testing::manual_runtime runtime;
    circuit_breaker breaker{"users", {.consecutive_failures = 2}, runtime.clock()};
    last_good<std::string> cache;
    const std::string empty = R"({"users":[],"source":"empty"})";
    pipeline calls{fallback{when_refused(stale(cache, 1h)), when_refused(empty)}, breaker};
    calls.use(runtime);
    fusebox::testing::script<result> service;
    const auto get_users = [&] { return calls.call(fusebox::testing::scripted_call{service, runtime.time}); };

    breaker.force_open();
    EXPECT_EQ(get_users().value(), empty) << "nothing is kept yet";
    breaker.reset();
    service.then(R"({"users":["ann"]})").then(std::unexpected("API error")).then(std::unexpected("API error"));
    EXPECT_EQ(get_users().value(), R"({"users":["ann"]})");
    for (int i = 0; i < 2; ++i) {
        const auto failed = get_users();
        ASSERT_FALSE(failed.has_value()) << "other errors pass";
        EXPECT_EQ(*failed.error().error(), "API error");
    }
    EXPECT_EQ(get_users().value(), R"({"users":["ann"]})") << "the circuit is open: the last good value";
    EXPECT_EQ(service.calls(), 3u);
}

TEST(seed_003, A003_A3_thresholds_follow_the_success_rate) {
    fusebox::testing::manual_clock clock;
    circuit_breaker b{"orders", {.consecutive_failures = 5}, &clock};
    adaptive_thresholds adaptive{b, {}, clock.now()};
    const auto threshold_after = [&](int of_hundred_succeed) {
        for (int i = 0, shares = 0; i < 100; ++i) {
            shares += of_hundred_succeed;
            if (shares >= 100) succeed(b);
            else fail(b);
            if (shares >= 100) shares -= 100;
        }
        clock.advance(10s);
        adaptive.adjust(clock.now());
        return b.options()->consecutive_failures.value();
    };
    EXPECT_EQ(threshold_after(96), 7u) << "5 * 1.5, whole";
    EXPECT_EQ(threshold_after(80), 5u);
    EXPECT_EQ(threshold_after(69), 3u) << "5 * 0.7, whole";
    EXPECT_EQ(threshold_after(95), 5u) << "not above 0.95";
}

TEST(seed_003, A003_A4_an_open_parent_blocks_its_children_and_a_child_opens_alone) {
    const auto node = [](const char* name, std::shared_ptr<circuit_node> parent) {
        const circuit_breaker_options options{.consecutive_failures = 3};
        return std::make_shared<circuit_node>(std::make_shared<circuit_breaker>(name, options), circuit_node_options{},
                                              std::move(parent));
    };
    const auto root = node("fusebox", nullptr);
    const auto users = node("user-service", root), orders = node("order-service", root), search = node("search", root);
    const auto call = [](circuit_node& n) { return n.call([] { return 1; }); };

    for (int i = 0; i < 3; ++i) (void)orders->call([]() -> result { return std::unexpected("down"); });
    EXPECT_EQ(call(*orders).error().code, errc::circuit_open);
    EXPECT_TRUE(call(*users).has_value());

    root->breaker()->force_open();
    EXPECT_EQ(call(*users).error().code, errc::parent_open);
    EXPECT_THAT(call(*users).error().message(), HasSubstr("Parent circuit fusebox is OPEN"));
}

struct trinity : ::testing::Test {
    fusebox::testing::manual_runtime runtime;
    circuit_breaker breaker{"api", {.consecutive_failures = 5, .open_for = 30s}, runtime.clock()};
    fusebox::retry again{
        {.max_attempts = 3, .base = 1s, .multiplier = 2, .cap = 1min, .without_budget = true, .seed = 3}};
    pipeline<fusebox::retry&, circuit_breaker&, timeout> calls{again, breaker, timeout{5s}};
    fusebox::testing::script<result> service;

    trinity() { calls.use(runtime); }
    auto call() { return calls.call(fusebox::testing::scripted_call{service, runtime.time}); }
};

TEST_F(trinity, A003_C1_a_call_is_tried_three_times_with_growing_pauses) {
    service.then(std::unexpected("down")).then(std::unexpected("down")).then("data");
    EXPECT_EQ(call().value(), "data");
    ASSERT_EQ(runtime.waits.size(), 2u);
    EXPECT_LE(runtime.waits[0], 1s);
    EXPECT_LE(runtime.waits[1], 2s);
    EXPECT_EQ((fusebox::retry::again_at{.at = {}, .wait = 250ms, .failed_attempt = 1}.message()),
              "Attempt 1 failed, retrying in 0.25s...");
}

TEST_F(trinity, A003_C1_a_try_has_five_seconds_and_the_breaker_hears_of_it) {
    const auto start = runtime.time.now();
    for (int i = 0; i < 3; ++i) service.then("too late", 7s);
    EXPECT_EQ(call().error().rejected()->code, errc::timed_out);
    EXPECT_GE(runtime.time.now() - start, 15s);
    EXPECT_LE(runtime.time.now() - start, 18s);
    EXPECT_EQ(breaker.snapshot().consecutive_failures, 3u);
}

TEST_F(trinity, A003_C1_nothing_is_tried_again_once_the_circuit_is_open) {
    for (int i = 0; i < 5; ++i) service.then(std::unexpected("down"));
    (void)call();
    (void)call();
    EXPECT_EQ(breaker.state(), circuit_state::open);
    EXPECT_EQ(service.calls(), 5u) << "the sixth try met the open circuit";
    const auto waits = runtime.waits.size();
    EXPECT_EQ(call().error().rejected()->code, errc::circuit_open);
    EXPECT_EQ(runtime.waits.size(), waits);
    EXPECT_EQ(service.calls(), 5u);
}

TEST(seed_003, A003_C2_the_eleventh_call_at_once_is_refused_at_once_and_the_breaker_hears_nothing) {
    fusebox::testing::manual_clock clock;
    bulkhead ten{{.max_concurrent = 10}};
    circuit_breaker breaker{"api", {.consecutive_failures = 5, .open_for = 30s}, &clock};
    pipeline calls{ten, breaker};
    std::vector<bulkhead::permit> held;
    for (int i = 0; i < 9; ++i) held.push_back(ten.enter(clock.now()).value());
    EXPECT_EQ(calls.call([] { return 7; }).value(), 7);
    held.push_back(ten.enter(clock.now()).value());
    const auto refused = calls.call([] { return 7; });
    EXPECT_EQ(refused.error().code, errc::bulkhead_full);
    EXPECT_THAT(refused.error().message(), HasSubstr("full: too many concurrent"));
    EXPECT_EQ(breaker.snapshot().totals.calls(), 1u);
}

TEST(seed_003, A003_L6_a_retry_inside_a_breaker_does_not_compile) {
    constexpr policy_kind inside[]{policy_kind::breaker, policy_kind::retry};
    static_assert(composition::fault_in(inside, 2, {}) == composition::retry_inside_breaker);
    constexpr policy_kind around[]{policy_kind::retry, policy_kind::breaker};
    EXPECT_EQ(composition::fault_in(around, 2, {}), "");
}

// As gRPC's unary interceptors are: given the call as a function, and any transport's.
TEST(seed_003, A003_C3_an_interceptor_guards_the_calls_of_any_transport) {
    circuit_breaker breaker{"localhost:50051", {.consecutive_failures = 2}};
    int sent = 0;
    const auto invoker = [&](const std::string& method, int request) -> result {
        ++sent;
        if (request < 0) return std::unexpected(method + ": UNAVAILABLE");
        return "reply";
    };
    auto intercepted = breaker.wrap(invoker);
    EXPECT_EQ(intercepted("/shop.Orders/Get", 7).value(), "reply");
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(*intercepted("/shop.Orders/Get", -1).error().error(), "/shop.Orders/Get: UNAVAILABLE");
    EXPECT_NE(intercepted("/shop.Orders/Get", 7).error().rejected(), nullptr);
    EXPECT_EQ(sent, 3);
}

TEST(seed_003, A003_R2_the_preset_hystrix_has_its_defaults) {
    fusebox::testing::manual_clock clock;
    auto options = presets::hystrix();
    EXPECT_EQ(options.minimum_calls, 20u);
    EXPECT_EQ(options.failure_rate_threshold, 0.5);
    EXPECT_EQ(options.open_for, 5000ms);
    options.open_jitter = 0;
    circuit_breaker b{"user-service", options, &clock};
    fail(b, 19);
    EXPECT_EQ(b.state(), circuit_state::closed) << "request volume below 20";
    fail(b);
    EXPECT_EQ(b.state(), circuit_state::open);
    clock.advance(5s);
    succeed(b);
    EXPECT_EQ(b.state(), circuit_state::closed) << "one trial decides";
    EXPECT_EQ(timeout{1000ms}.limit(), 1s) << "its timeout is a policy of its own";
}

TEST(seed_003, A003_M_metrics_time_the_state_that_is_left_and_count_what_is_blocked) {
    fusebox::testing::manual_clock clock;
    circuit_breaker b{"user-service", seed_parameters{.failure_threshold = 1, .recovery_timeout = 30s}.options(),
                      &clock};
    metrics::circuit_history history;
    history.watch(b, clock.now());
    clock.advance(4s);
    fail(b);
    refusal(b);
    refusal(b);
    metrics::exposition out;
    metrics::expose_circuits(out, {&b});
    history.expose(out);
    const std::string all = out.take();
    EXPECT_THAT(all, HasSubstr("circuit_breaker_state{service=\"user-service\"} 1\n"));
    EXPECT_THAT(all, HasSubstr("circuit_breaker_state_transitions_total{service=\"user-service\",from_state=\"closed\","
                               "to_state=\"open\"} 1\n"));
    EXPECT_THAT(all, HasSubstr("circuit_breaker_calls_blocked_total{service=\"user-service\"} 2\n"));
    EXPECT_THAT(all,
                HasSubstr("circuit_breaker_time_in_state_seconds_sum{service=\"user-service\",state=\"closed\"} 4\n"));
}

TEST(seed_003, A003_T1_transitions) {
    fusebox::testing::manual_clock clock;
    circuit_breaker b{"api", seed_parameters{.failure_threshold = 3, .recovery_timeout = 1s}.options(), &clock};
    EXPECT_EQ(b.state(), circuit_state::closed);
    fail(b, 3);
    EXPECT_EQ(b.state(), circuit_state::open);
    EXPECT_EQ(refusal(b), "Circuit breaker is OPEN. Retry in 1s") << "good calls too";
    clock.advance(1100ms);
    EXPECT_EQ(b.call([]() -> result { return "success"; }).value(), "success");
    EXPECT_EQ(b.state(), circuit_state::closed);
}

TEST(seed_003, A003_T2_fallback) {
    circuit_breaker b{"api", seed_parameters{.failure_threshold = 2}.options()};
    pipeline calls{fallback{always(std::string{"fallback"})}, b};
    int called = 0;
    for (int i = 0; i < 3; ++i) {
        const auto answer = calls.call([&]() -> result {
            ++called;
            return std::unexpected("fail");
        });
        EXPECT_EQ(answer.value(), "fallback");
    }
    EXPECT_EQ(called, 2) << "the third was answered without a call";
}

TEST(seed_003, A003_G1_each_preset_lies_within_the_range_of_its_service_type) {
    ASSERT_EQ(service_profiles().size(), 6u);
    for (const auto& p : service_profiles()) {
        const auto preset = find_preset(p.name).value();
        EXPECT_TRUE(p.failure_threshold.contains(preset.failure_count_threshold.value())) << p.name;
        EXPECT_LE(p.recovery.from, preset.open_for) << p.name;
        EXPECT_GE(p.recovery.to, preset.open_for) << p.name;
        EXPECT_TRUE(p.success_threshold.contains(preset.half_open_successes.value())) << p.name;
    }
    EXPECT_EQ(find_preset("external-api"), find_preset("external_api"));
}

TEST(seed_003, A003_checklist_a_transition_is_told_with_its_context_and_all_circuits_are_in_one_view) {
    circuit_breaker_registry breakers{{.failure_count_threshold = 5, .open_for = 30s, .open_jitter = 0}};
    std::vector<std::string> log;
    const auto logging = breakers.subscribe([&](const circuit_event& e) {
        log.push_back(std::string{e.circuit} + " " + to_string(e.to) + " by " + to_string(e.rule) + ", " +
                      std::to_string(e.window.failures) + " failures, for " + std::to_string(e.retry_after / 1s) +
                      " s");
    });
    fail(*breakers.get("orders"), 5);
    succeed(*breakers.get("users"));
    EXPECT_THAT(log, ::testing::ElementsAre("orders open by failure_count, 5 failures, for 30 s"));
    std::vector<std::string> view;
    for (const auto& b : breakers.all()) view.push_back(b->name() + " " + to_string(b->state()));
    EXPECT_THAT(view, ::testing::ElementsAre("orders open", "users closed"));
}

}  // namespace
