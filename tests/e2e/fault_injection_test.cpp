// The fault-injection demo, point by point: the two services, their settings, and the story that its readers follow.
#include "fault_injection_fixture.hpp"

#include <future>
#include <regex>
#include <set>

namespace {

using namespace e2e;
using fault_injection = fault_injection_test;

constexpr const char* open_error = "Circuit Breaker is OPEN or call failed.";
constexpr const char* failed_error = "Failed to connect to Service B.";

// -- Settings ---------------------------------------------------------------------------------------------

// The seed documents two of these, and reads the other two.
TEST(fault_injection_settings, A001_E1_all_four_names_are_heeded) {
    auto nothing = environment_of({});
    EXPECT_EQ(service_a_settings::from(nothing).failure_threshold, 3u);
    EXPECT_EQ(service_a_settings::from(nothing).recovery_timeout, 20s);
    EXPECT_EQ(service_a_settings::from(nothing).request_timeout, 3s);
    EXPECT_EQ(service_a_settings::from(nothing).service_b_url, "http://service-b:5001");

    auto documented = environment_of({{"CIRCUIT_FAIL_MAX", "5"}, {"CIRCUIT_RESET_TIMEOUT", "0.5"}});
    EXPECT_EQ(service_a_settings::from(documented).failure_threshold, 5u);
    EXPECT_EQ(service_a_settings::from(documented).recovery_timeout, 500ms);
    auto read = environment_of({{"CIRCUIT_FAILURE_THRESHOLD", "7"}, {"CIRCUIT_RECOVERY_TIMEOUT", "9"}});
    EXPECT_EQ(service_a_settings::from(read).failure_threshold, 7u);
    EXPECT_EQ(service_a_settings::from(read).recovery_timeout, 9s);
    for (const auto& env : {nothing, documented, read}) EXPECT_TRUE(env.refused().empty());
}

TEST(fault_injection_settings, A001_E1_what_is_refused_is_called_by_the_name_that_was_used) {
    auto env = environment_of({{"CIRCUIT_FAIL_MAX", "0"}, {"CIRCUIT_RECOVERY_TIMEOUT", "soon"}});
    (void)service_a_settings::from(env);
    EXPECT_EQ(env.refused(), (std::vector<std::string>{
                                 "CIRCUIT_FAIL_MAX=0 must be a whole number from 1 to 1000000",
                                 "CIRCUIT_RECOVERY_TIMEOUT=soon must be a number of seconds from 0.001 to 86400"}));
    auto turned = environment_of({{"LATENCY_MIN", "6"}});
    (void)service_b_settings::from(turned);
    EXPECT_EQ(turned.refused().size(), 1u);
}

// -- Service B --------------------------------------------------------------------------------------------

TEST_F(fault_injection, A001_B1_service_b_gives_a_number_or_fails_as_it_was_told) {
    std::set<int> numbers;
    for (int i = 0; i < 50; ++i) {
        const auto got = get(b_server.port(), "/data");
        EXPECT_EQ(got.status, 200);
        const auto said = json::parse(got.body);
        EXPECT_EQ(said["message"], "Hello from Service B!");
        numbers.insert(said["data"].get<int>());
    }
    EXPECT_GE(*numbers.begin(), 1);
    EXPECT_LE(*numbers.rbegin(), 100);
    EXPECT_GT(numbers.size(), 10u) << "they differ";
    b.set_failing(true);
    EXPECT_EQ(get(b_server.port(), "/data").status, 500);
    EXPECT_EQ(get(b_server.port(), "/data").body, R"({"error":"Service B is intentionally failing."})");
}

TEST(fault_injection_service_b, A001_B2_latency_is_between_two_and_five_seconds_and_the_same_for_the_same_seed) {
    const auto latencies = [](std::uint64_t seed) {
        std::vector<fusebox::duration> all;
        const auto note = [&](fusebox::duration d) -> net::awaitable<void> {
            all.push_back(d);
            co_return;
        };
        service_b b{{.seed = seed}, [](const std::string&) {}, note};
        const auto routes = b.routes();
        (void)answer_of(routes.at("GET /data"), {});
        EXPECT_TRUE(all.empty()) << "not slow yet";
        (void)answer_of(routes.at("POST /induce-latency"), {});
        for (int i = 0; i < 1000; ++i) EXPECT_EQ(answer_of(routes.at("GET /data"), {}).status, 200);
        (void)answer_of(routes.at("POST /remove-latency"), {});
        (void)answer_of(routes.at("GET /data"), {});
        return all;
    };
    const auto all = latencies(7);
    ASSERT_EQ(all.size(), 1000u);
    EXPECT_GE(std::ranges::min(all), 2s);
    EXPECT_LT(std::ranges::min(all), 2100ms);
    EXPECT_LE(std::ranges::max(all), 5s);
    EXPECT_GT(std::ranges::max(all), 4900ms);
    EXPECT_EQ(latencies(7), all);
    EXPECT_NE(latencies(8), all);
}

TEST_F(fault_injection, A001_B2_service_b_does_what_it_is_told_by_post_only) {
    const auto tell = [&](const std::string& path) {
        const auto got = post(b_server.port(), path);
        EXPECT_EQ(got.status, 200) << path;
        return std::string{json::parse(got.body)["message"]};
    };
    EXPECT_EQ(tell("/induce-failure"), "Service B will now return errors for /data.");
    EXPECT_TRUE(b.failing());
    EXPECT_EQ(tell("/remove-failure"), "Service B will now work normally for /data.");
    EXPECT_FALSE(b.failing());
    EXPECT_EQ(tell("/induce-latency"), "Service B will now have added latency for /data.");
    EXPECT_TRUE(b.slow());
    EXPECT_EQ(tell("/remove-latency"), "Service B will now respond quickly for /data.");
    EXPECT_FALSE(b.slow());
    for (const char* path : {"/induce-failure", "/remove-failure", "/induce-latency", "/remove-latency"}) {
        const auto got = get(b_server.port(), path);
        EXPECT_EQ(got.status, 405) << path;
        EXPECT_TRUE(got.head.contains("Allow: POST")) << got.head;
    }
    EXPECT_FALSE(b.failing() || b.slow());
}

TEST_F(fault_injection, A001_B3_service_b_is_ill_while_it_fails) {
    EXPECT_EQ(get(b_server.port(), "/health").status, 200);
    EXPECT_EQ(get(b_server.port(), "/health").body, R"({"status":"healthy","service":"B"})");
    b.set_failing(true);
    EXPECT_EQ(get(b_server.port(), "/health").status, 503);
    EXPECT_EQ(get(b_server.port(), "/health").body, R"({"status":"unhealthy","service":"B"})");
}

// -- Service A --------------------------------------------------------------------------------------------

TEST_F(fault_injection, A001_A2_a_call_that_succeeds_brings_the_data) {
    const auto got = call();
    EXPECT_EQ(got.status, 200);
    EXPECT_TRUE(got.head.contains("Content-Type: application/json\r\n"));
    const auto said = json::parse(got.body);
    EXPECT_EQ(said["message"], "Successfully fetched data from Service B.");
    EXPECT_EQ(said["data"]["message"], "Hello from Service B!");
    EXPECT_EQ(said["circuit_state"], "closed");
}

TEST_F(fault_injection, A001_A2_a_call_that_fails_is_502_and_a_call_that_is_refused_503) {
    b.set_failing(true);
    const auto failed = call();
    EXPECT_EQ(failed.status, 502);
    EXPECT_EQ(json::parse(failed.body),
              (json{{"error", failed_error}, {"details", "HTTP 500"}, {"circuit_state", "closed"}}));
    call();
    const auto third = call();
    EXPECT_EQ(third.status, 502) << "this call was made, and opened the circuit";
    EXPECT_EQ(json::parse(third.body)["circuit_state"], "open");
    const auto refused = call();
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.head.contains("Retry-After: 20\r\n")) << refused.head;
    EXPECT_EQ(json::parse(refused.body),
              (json{{"error", open_error},
                    {"details", "Circuit breaker is OPEN. Retry in 20s"},
                    {"circuit_state", "open"},
                    {"fallback_message", "Serving fallback data as Service B is unavailable."}}));
}

TEST(fault_injection_service_a, A001_A2_every_status_from_400_counts_and_so_does_no_answer) {
    stand_in stand_in_b{{"/data"}};
    service_a a{on_loop(), {.service_b_url = stand_in_b.url(), .failure_threshold = 100}};
    const server s = serve(a.routes());
    for (const int status : {400, 404, 503}) {
        stand_in_b.answers(status);
        const auto said = json::parse(get(s.port(), "/call-service-b").body);
        EXPECT_EQ(said.value("details", ""), "HTTP " + std::to_string(status));
    }
    EXPECT_EQ(a.breaker().snapshot().consecutive_failures, 3u);
    stand_in_b.answers(200, "<html>");
    EXPECT_TRUE(get(s.port(), "/call-service-b").says("/data is not JSON"));
    EXPECT_EQ(a.breaker().snapshot().consecutive_failures, 4u);
    stand_in_b.answers(399, "{}");
    EXPECT_EQ(get(s.port(), "/call-service-b").status, 200);

    const std::string gone = dead_url();
    service_a alone{on_loop(), {.service_b_url = gone}};
    const server s2 = serve(alone.routes());
    const auto said = json::parse(get(s2.port(), "/call-service-b").body);
    EXPECT_EQ(said["details"], gone.substr(7) + " refused the connection");
    EXPECT_EQ(alone.breaker().snapshot().consecutive_failures, 1u);
}

TEST(fault_injection_service_a, A001_A3_the_state_is_in_every_answer_half_open_included) {
    std::atomic<bool> failing{true};
    std::atomic<bool> held{true};
    const auto data = [&](const request&) -> net::awaitable<response> {
        if (failing) co_return response{500, "{}"};
        co_await wait_while(held);
        co_return response{200, "{}"};
    };
    const server stand_in_b = serve({{"GET /data", data}});
    fusebox::testing::manual_clock clock;
    service_a a{on_loop(), {.service_b_url = url_of(stand_in_b)}, [](const std::string&) {}, &clock};
    const server s = serve(a.routes());
    const auto state = [&] { return std::string{json::parse(get(s.port(), "/call-service-b").body)["circuit_state"]}; };
    EXPECT_EQ(state(), "closed");
    EXPECT_EQ(state(), "closed");
    EXPECT_EQ(state(), "open");
    EXPECT_EQ(state(), "open");
    failing = false;
    clock.advance(20s);
    auto trial = std::async(std::launch::async, state);
    while (stand_in_b.requests() < 4) std::this_thread::yield();
    EXPECT_EQ(state(), "half_open") << "refused: the trial is under way";
    held = false;
    EXPECT_EQ(trial.get(), "closed");
    EXPECT_EQ(stand_in_b.requests(), 4u);
}

// The seed's asks for attributes that its breaker does not have, and answers 500.
TEST_F(fault_injection, A001_A4_circuit_status_has_state_and_metrics) {
    EXPECT_EQ(visit("/circuit-status").status, 200);
    EXPECT_EQ(status(), json::parse(R"({"circuit_breaker_name":"ServiceB_CB","state":"closed","failure_count":0,
        "failure_threshold":3,"recovery_timeout":20,"last_failure_time":null,"retry_after":0,
        "calls":{"succeeded":0,"failed":0,"refused":0}})"));
    call();
    b.set_failing(true);
    for (int i = 0; i < 5; ++i) call();
    auto open = status();
    EXPECT_TRUE(std::regex_match(std::string{open["last_failure_time"]},
                                 std::regex{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"}));
    open.erase("last_failure_time");
    EXPECT_EQ(open, json::parse(R"({"circuit_breaker_name":"ServiceB_CB","state":"open","failure_count":3,
        "failure_threshold":3,"recovery_timeout":20,"retry_after":20,
        "calls":{"succeeded":1,"failed":3,"refused":2}})"));
    EXPECT_TRUE(visit("/metrics").says("circuit_breaker_state{")) << visit("/metrics").body;
}

TEST_F(fault_injection, A001_A5_service_a_is_healthy_whatever_the_circuit) {
    EXPECT_EQ(visit("/health").body, R"({"status":"healthy","service":"A"})");
    b.set_failing(true);
    for (int i = 0; i < 3; ++i) call();
    ASSERT_EQ(state(), "open");
    EXPECT_EQ(visit("/health").status, 200);
    EXPECT_EQ(visit("/health").body, R"({"status":"healthy","service":"A"})");
}

// -- The story --------------------------------------------------------------------------------------------

TEST_F(fault_injection, A001_T1_a_normal_call_succeeds_and_the_circuit_is_closed) {
    EXPECT_EQ(call().status, 200);
    EXPECT_EQ(state(), "closed");
    EXPECT_EQ(log_a.lines(), (std::vector<std::string>{"Service A: Attempting to call Service B /data endpoint...",
                                                       "Service A: Call to Service B successful. State: closed"}));
}

TEST_F(fault_injection, A001_T2_fail_is_pressed_and_three_calls_open_the_circuit) {
    press("induce-failure");
    for (const int n : {1, 2, 3}) {
        EXPECT_EQ(status()["failure_count"], n - 1);
        EXPECT_EQ(state(), "closed");
        EXPECT_EQ(call().status, 502);
    }
    EXPECT_EQ(status()["failure_count"], 3);
    EXPECT_EQ(state(), "open");
}

TEST_F(fault_injection, A001_T3_then_calls_fail_at_once_and_service_b_hears_nothing) {
    press("induce-failure");
    for (int i = 0; i < 3; ++i) call();
    const auto reached = b_server.requests();
    const auto heard = log_b.lines();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(call().status, 503);
    EXPECT_EQ(b_server.requests(), reached);
    EXPECT_EQ(log_b.lines(), heard) << "service B's log shows no request";
    EXPECT_EQ(log_a.count("Service A: CircuitBreakerError: Circuit breaker is OPEN"), 20) << "service A's tells it";
    EXPECT_EQ(log_a.count("Service A: Attempting to call"), 3);
}

// The seed calls in a way that does not look at the state: its fourth call reaches service B.
TEST_F(fault_injection, A001_X_the_fourth_call_does_not_reach_service_b) {
    b.set_failing(true);
    for (int i = 0; i < 4; ++i) call();
    EXPECT_EQ(b_server.requests(), 3u);
}

TEST_F(fault_injection, A001_T4_healthy_is_pressed_and_the_circuit_stays_open_until_20_s_have_passed) {
    press("induce-failure");
    for (int i = 0; i < 3; ++i) call();
    press("remove-failure");
    EXPECT_EQ(call().status, 503);
    clock.advance(19'900ms);
    const auto reached = b_server.requests();
    EXPECT_EQ(call().status, 503);
    EXPECT_EQ(state(), "open");
    EXPECT_EQ(b_server.requests(), reached);
}

TEST_F(fault_injection, A001_T5_after_20_s_one_call_is_the_trial) {
    press("induce-failure");
    for (int i = 0; i < 3; ++i) call();
    clock.advance(20s);
    EXPECT_EQ(call().status, 502) << "the trial is made, and fails";
    EXPECT_EQ(state(), "open");
    EXPECT_EQ(call().status, 503);

    press("remove-failure");
    clock.advance(19'900ms);
    EXPECT_EQ(call().status, 503) << "the second wait is as long as the first";
    clock.advance(100ms);
    const auto trial = call();
    EXPECT_EQ(trial.status, 200);
    EXPECT_EQ(json::parse(trial.body)["circuit_state"], "closed");
    EXPECT_EQ(status()["failure_count"], 0);
}

class fault_injection_with_latency : public fault_injection_test {
protected:
    fault_injection_with_latency() : fault_injection_test(std::chrono::hours{1}, 50ms) {}
};

TEST_F(fault_injection_with_latency, A001_T6_slow_is_a_failure_and_fast_heals) {
    press("induce-latency");
    for (int i = 0; i < 3; ++i) {
        const auto late = call();
        EXPECT_EQ(late.status, 502);
        EXPECT_TRUE(std::string{json::parse(late.body)["details"]}.starts_with("no answer from ")) << late.body;
    }
    EXPECT_EQ(state(), "open");
    EXPECT_EQ(log_b.count("Service B simulating latency for 3600.00 seconds."), 3);
    press("remove-latency");
    clock.advance(20s);
    EXPECT_EQ(call().status, 200);
    EXPECT_EQ(state(), "closed");
}

TEST_F(fault_injection, A001_T7_circuit_status_agrees_at_each_step) {
    const auto agrees = [&](const std::string& expected_state, int failures) {
        const auto said = status();
        EXPECT_EQ(said["state"], expected_state);
        EXPECT_EQ(said["failure_count"], failures);
        EXPECT_EQ(said["state"], to_string(a.breaker().state()));
    };
    agrees("closed", 0);
    press("induce-failure");
    call();
    agrees("closed", 1);
    call();
    call();
    agrees("open", 3);
    clock.advance(20s);
    agrees("open", 3);  // only a call can find out
    call();
    agrees("open", 4);
    press("remove-failure");
    clock.advance(20s);
    call();
    agrees("closed", 0);
}

TEST_F(fault_injection, A001_L1_what_happens_is_in_the_logs) {
    call();
    for (const char* control : {"induce-failure", "induce-latency"}) press(control);
    call();
    for (const char* control : {"remove-failure", "remove-latency"}) press(control);
    EXPECT_EQ(log_b.lines(),
              (std::vector<std::string>{"Service B /data called. Healthy: True, Slow: False",
                                        "Service B set to UNHEALTHY state.", "Service B set to SLOW state.",
                                        "Service B /data called. Healthy: False, Slow: True",
                                        "Service B simulating latency for 0.00 seconds.",
                                        "Service B set to HEALTHY state.", "Service B set to NORMAL SPEED state."}));
    EXPECT_EQ(log_a.lines(),
              (std::vector<std::string>{"Service A: Attempting to call Service B /data endpoint...",
                                        "Service A: Call to Service B successful. State: closed",
                                        "Service A: Attempting to call Service B /data endpoint...",
                                        "Service A: Call to Service B failed: HTTP 500. State: closed"}));
}

}  // namespace
