// What seed 000 lists as possible extensions of its system: metrics, and health checks of the business.
#include "health_check_fixture.hpp"

#include <ctime>

namespace {

using namespace e2e;

TEST(health_check, A000_X1_the_frontend_tells_prometheus_of_its_circuit) {
    stand_in service_b{{"/api/data"}};
    const frontend_under_test a{service_b.url()};
    const auto before = a.visit("/metrics");
    EXPECT_TRUE(before.head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_TRUE(before.says("circuit_breaker_state{service=\"service-b\"} 0\n")) << "there before anything happens";
    service_b.answers(500);
    for (int i = 0; i < 5; ++i) a.visit("/test-api");
    const auto after = a.visit("/metrics");
    EXPECT_TRUE(after.says("circuit_breaker_state{service=\"service-b\"} 1\n"));
    EXPECT_TRUE(after.says("circuit_breaker_calls_blocked_total{service=\"service-b\"} 2\n"));
    EXPECT_TRUE(
        after.says("circuit_breaker_state_transitions_total{service=\"service-b\",from_state=\"closed\","
                   "to_state=\"open\"} 1\n"));
}

// A database that has what it is told to have.
struct business_test : testing::Test {
    stand_in service_c{{"/health", "/data"}};
    health_check::api_gateway gateway{on_loop(), {.service_c_url = service_c.url()}};
    server b{serve(gateway.routes())};

    answer check(std::int64_t records, std::int64_t timestamp) {
        service_c.answers(200, json{{"records", records}, {"timestamp", timestamp}}.dump());
        return get(b.port(), "/health/business");
    }
};

TEST_F(business_test, A000_X3_passes_when_there_are_records_and_they_are_fresh) {
    const auto well = check(1000, std::time(nullptr));
    EXPECT_EQ(well.status, 200);
    EXPECT_TRUE(well.head.contains("Content-Type: application/health+json\r\n"));
    const json report = json::parse(well.body);
    EXPECT_EQ(report["status"], "pass");
    EXPECT_EQ(report["checks"]["database:records"][0]["observedValue"], 1000);
    EXPECT_EQ(report["checks"]["database:freshness"][0]["status"], "pass");
}

TEST_F(business_test, A000_X3_says_which_check_failed_and_why) {
    const auto empty = check(0, std::time(nullptr));
    EXPECT_EQ(empty.status, 503);
    const json report = json::parse(empty.body);
    EXPECT_EQ(report["status"], "fail");
    EXPECT_EQ(report["checks"]["database:records"][0]["output"], "there must be 1 at least");
    EXPECT_EQ(report["checks"]["database:freshness"][0]["status"], "pass");

    const json old = json::parse(check(1000, std::time(nullptr) - 3600).body);
    EXPECT_EQ(old["checks"]["database:records"][0]["status"], "pass");
    EXPECT_EQ(old["checks"]["database:freshness"][0]["output"], "the data must be 60 s old at most");
}

TEST_F(business_test, A000_X3_a_database_that_does_not_answer_passes_no_check) {
    service_c.answers(500);
    const auto ill = get(b.port(), "/health/business");
    EXPECT_EQ(ill.status, 503);
    EXPECT_EQ(json::parse(ill.body)["checks"]["database:records"][0]["output"], "HTTP 500");
    service_c.answers(200, "[]");
    EXPECT_EQ(json::parse(get(b.port(), "/health/business").body)["checks"]["database:freshness"][0]["output"],
              "the answer has no number 'timestamp'");
}

TEST(health_check, A000_X3_its_bounds_are_settings) {
    auto set = environment_of({{"BUSINESS_LEAST_RECORDS", "5"}, {"BUSINESS_OLDEST_DATA", "10"}});
    const auto s = health_check::business_health_settings::from(set);
    EXPECT_EQ(s.least_records, 5u);
    EXPECT_EQ(s.oldest_data, 10s);
    auto wrong = environment_of({{"BUSINESS_LEAST_RECORDS", "many"}});
    (void)health_check::business_health_settings::from(wrong);
    EXPECT_EQ(wrong.refused().at(0), "BUSINESS_LEAST_RECORDS=many must be a whole number from 0 to 4294967295");
}

}  // namespace
