// The circuit of the health-check demo: trips, refuses without a call, heals. Time is in the test's hand;
// that nothing was called is read from the called service's own counter.
#include "health_check_fixture.hpp"

#include <future>

namespace {

using namespace e2e;

constexpr const char* rejected = "Circuit breaker is OPEN";

TEST(health_check, A000_A1_three_failures_in_a_row_open_the_circuit) {
    stand_in service_b{{"/api/data", "/health"}};
    const frontend_under_test a{service_b.url()};
    service_b.answers(503);
    a.visit("/test-api");
    a.visit("/health-status");
    EXPECT_EQ(a.state(), "closed");
    EXPECT_EQ(a.failures(), 2);

    service_b.answers(200);
    a.visit("/test-api");
    EXPECT_EQ(a.failures(), 0) << "a success forgets the failures";

    service_b.answers(503);
    a.visit("/test-api");
    a.visit("/test-api");
    EXPECT_EQ(a.state(), "closed");
    a.visit("/test-api");
    EXPECT_EQ(a.state(), "open");
    EXPECT_EQ(a.failures(), 3);
}

TEST(health_check, A000_A1_no_answer_is_a_failure_too) {
    const std::string gone = dead_url();
    const frontend_under_test a{gone};
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(a.visit("/test-api").says(gone.substr(7) + " refused the connection"));
    EXPECT_EQ(a.state(), "open");
}

TEST(health_check, A000_A1_an_answer_that_is_not_json_is_a_failure_too) {
    stand_in service_b{{"/api/data"}};
    service_b.answers(200, "<html>");
    const frontend_under_test a{service_b.url()};
    a.visit("/test-api");
    EXPECT_EQ(a.failures(), 1);
}

TEST(health_check, A000_A2_after_20_s_one_call_finds_out) {
    stand_in service_b{{"/api/data"}};
    service_b.answers(503);
    frontend_under_test a{service_b.url()};
    for (int i = 0; i < 3; ++i) a.visit("/test-api");

    a.clock.advance(19'900ms);
    EXPECT_TRUE(a.visit("/test-api").says(rejected));
    EXPECT_EQ(service_b.requests(), 3u);

    a.clock.advance(200ms);
    EXPECT_TRUE(a.visit("/test-api").says("HTTP 503")) << "the trial call is made, and fails";
    EXPECT_EQ(service_b.requests(), 4u);
    EXPECT_EQ(a.state(), "open");
    EXPECT_EQ(a.failures(), 4) << "the count goes on";
    EXPECT_TRUE(a.visit("/").says("4/3"));

    a.clock.advance(19'900ms);
    EXPECT_TRUE(a.visit("/test-api").says(rejected)) << "the second wait is as long as the first";
    service_b.answers(200);
    a.clock.advance(200ms);
    EXPECT_TRUE(a.visit("/test-api").says("Success! Data received:"));
    EXPECT_EQ(a.state(), "closed");
    EXPECT_EQ(a.failures(), 0);
}

TEST(health_check, A000_A3_errors_say_what_they_must) {
    stand_in service_b{{"/api/data"}};
    const frontend_under_test a{service_b.url()};
    for (const int status : {500, 404, 503}) {
        service_b.answers(status);
        EXPECT_TRUE(a.visit("/test-api").says("<strong>Error:</strong> HTTP " + std::to_string(status) + "<"));
    }
    EXPECT_TRUE(a.visit("/test-api").says("<strong>Error:</strong> Circuit breaker is OPEN<"));
}

TEST(health_check, A000_A8_the_frontend_is_healthy_whatever_the_circuit) {
    stand_in service_b{{"/api/data"}};
    const frontend_under_test a{service_b.url()};
    const auto health = [&] { return a.visit("/health"); };
    EXPECT_EQ(health().status, 200);
    EXPECT_EQ(health().body,
              R"({"service":"frontend","status":"healthy","circuit_breaker":{"state":"closed","failures":0}})");
    service_b.answers(500);
    for (int i = 0; i < 3; ++i) a.visit("/test-api");
    EXPECT_EQ(health().status, 200);
    EXPECT_EQ(health().body,
              R"({"service":"frontend","status":"healthy","circuit_breaker":{"state":"open","failures":3}})");
}

// The seed holds its lock during the call: one visitor at a time, and half-open never to be seen.
TEST(health_check, A000_A10_calls_run_at_the_same_time) {
    holding_stand_in service_b{{"/api/data"}};
    const frontend_under_test a{service_b.url()};
    std::vector<std::future<answer>> visits;
    for (int i = 0; i < 8; ++i) visits.push_back(std::async(std::launch::async, [&] { return a.visit("/test-api"); }));
    service_b.await_requests(8);  // all eight are with the gateway, none of them answered
    EXPECT_TRUE(a.visit("/").says("CLOSED")) << "and the page can be seen meanwhile";
    service_b.release();
    for (auto& v : visits) EXPECT_TRUE(v.get().says("Success!"));
}

TEST(health_check, A000_A10_half_open_is_seen_and_lets_exactly_one_call_through) {
    std::atomic<bool> ill{true};
    std::atomic<bool> held{true};
    const auto answer_when_let = [&](const request&) -> net::awaitable<response> {
        if (ill) co_return response{503, "{}"};
        co_await wait_while(held);
        co_return response{200, "{}"};
    };
    const server service_b = serve({{"GET /api/data", answer_when_let}});
    frontend_under_test a{url_of(service_b)};
    for (int i = 0; i < 3; ++i) a.visit("/test-api");
    ill = false;
    a.clock.advance(20'100ms);

    auto trial = std::async(std::launch::async, [&] { return a.visit("/test-api"); });
    while (service_b.requests() < 4) std::this_thread::yield();
    EXPECT_EQ(a.state(), "half_open");
    EXPECT_EQ(a.failures(), 3);
    const auto page = a.visit("/");
    EXPECT_TRUE(page.says("HALF_OPEN"));
    EXPECT_TRUE(page.says("class=\"status half-open\""));

    std::vector<std::future<answer>> others;
    for (int i = 0; i < 8; ++i) others.push_back(std::async(std::launch::async, [&] { return a.visit("/test-api"); }));
    for (auto& o : others) EXPECT_TRUE(o.get().says(rejected));
    EXPECT_EQ(service_b.requests(), 4u) << "only the trial call has reached the gateway";

    held = false;
    EXPECT_TRUE(trial.get().says("Success!"));
    EXPECT_EQ(a.state(), "closed");
}

// -- All three services -----------------------------------------------------------------------------

struct three_services {
    health_check::database database{healthy()};
    std::optional<server> c{serve(database.routes())};
    const std::uint16_t c_port = c->port();
    health_check::api_gateway gateway{on_loop(), {.service_c_url = url_of(*c)}};
    server b = serve(gateway.routes());
    frontend_under_test a{url_of(b)};

    void stop_c() { c.reset(); }
    void start_c() { c.emplace(serve(database.routes(), c_port)); }
};

TEST(health_check, A000_T1_all_is_well) {
    const three_services all;
    EXPECT_EQ(all.a.visit("/").status, 200);
    for (int i = 0; i < 5; ++i) {
        const auto got = all.a.visit("/test-api");
        EXPECT_TRUE(got.says("Success! Data received:"));
        EXPECT_TRUE(got.says("Item 2"));
    }
    EXPECT_EQ(all.a.state(), "closed");
    EXPECT_EQ(all.c->requests(), 5u);
}

TEST(health_check, A000_T2_without_the_database_the_circuit_opens_and_spares_the_gateway) {
    three_services all;
    all.stop_c();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(all.a.visit("/test-api").says("HTTP 503"));
    EXPECT_EQ(all.a.state(), "open");
    const auto reached = all.b.requests();
    for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(all.a.visit("/test-api").says(rejected));
        EXPECT_TRUE(all.a.visit("/health-status").says(rejected));
    }
    EXPECT_EQ(all.b.requests(), reached) << "no call reached the gateway";
}

TEST(health_check, A000_T3_with_the_database_back_one_call_closes_the_circuit) {
    three_services all;
    all.stop_c();
    for (int i = 0; i < 3; ++i) all.a.visit("/test-api");
    all.start_c();
    EXPECT_TRUE(all.a.visit("/test-api").says(rejected)) << "not before 20 s have passed";
    all.a.clock.advance(20'100ms);
    EXPECT_TRUE(all.a.visit("/test-api").says("Success! Data received:"));
    EXPECT_EQ(all.a.state(), "closed");
    EXPECT_EQ(all.c->requests(), 1u);
}

TEST(health_check, A000_T4_health_is_right_in_every_phase) {
    three_services all;
    const auto gateway_says = [&] {
        const auto got = get(all.b.port(), "/health");
        return std::pair{got.status, std::string{json::parse(got.body)["status"]}};
    };
    const auto database_says = [&] { return get(all.c_port, "/health").status; };
    const auto frontend_says = [&] { return all.a.state(); };

    EXPECT_EQ(database_says(), 200);
    EXPECT_EQ(gateway_says(), (std::pair{200, std::string{"healthy"}}));
    EXPECT_EQ(frontend_says(), "closed");

    all.stop_c();
    for (int i = 0; i < 3; ++i) all.a.visit("/test-api");
    EXPECT_EQ(database_says(), 0) << "nobody answers";
    EXPECT_EQ(gateway_says(), (std::pair{503, std::string{"unhealthy"}}));
    EXPECT_EQ(get(all.b.port(), "/ready").status, 503);
    EXPECT_EQ(frontend_says(), "open");

    all.start_c();
    EXPECT_EQ(database_says(), 200);
    EXPECT_EQ(gateway_says(), (std::pair{200, std::string{"healthy"}}));
    EXPECT_EQ(frontend_says(), "open");

    all.a.clock.advance(20'100ms);
    all.a.visit("/test-api");
    EXPECT_EQ(frontend_says(), "closed");
}

}  // namespace
