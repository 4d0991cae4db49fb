// The database and the API gateway of the health-check demo, point by point.
#include "health_check_fixture.hpp"

#include <algorithm>
#include <ctime>
#include <regex>

namespace {

using namespace e2e;
using health_check::api_gateway;
using health_check::api_gateway_settings;
using health_check::database;
using health_check::database_settings;

const request no_request{};

TEST(health_check, A000_C1_the_database_is_healthy) {
    database service_c{healthy()};
    const server s = serve(service_c.routes());
    const auto got = get(s.port(), "/health");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, R"({"status":"healthy","database":"connected","records":1000})");
    EXPECT_TRUE(got.head.contains("Content-Type: application/json\r\n"));
}

TEST(health_check, A000_C2_the_database_is_ill_once_in_five) {
    database_settings ill = healthy();
    ill.health_fail_rate = 1;
    database service_c{ill};
    const server s = serve(service_c.routes());
    const auto got = get(s.port(), "/health");
    EXPECT_EQ(got.status, 503);
    EXPECT_EQ(got.body, R"({"status":"unhealthy","message":"Database connection failed"})");

    database usual{{.seed = 7}};
    const auto health = usual.routes().at("GET /health");
    int ill_ones = 0;
    for (int i = 0; i < 10'000; ++i) ill_ones += answer_of(health, no_request).status == 503;
    EXPECT_NEAR(ill_ones, 2000, 150);
}

TEST(health_check, A000_C3_the_database_gives_data_after_a_while) {
    database service_c{healthy()};
    const server s = serve(service_c.routes());
    const auto before = std::time(nullptr);
    const auto got = get(s.port(), "/data");
    EXPECT_EQ(got.status, 200);
    const auto data = json::parse(got.body);
    EXPECT_EQ(data["data"], json::parse(R"([{"id":1,"name":"Item 1"},{"id":2,"name":"Item 2"}])"));
    ASSERT_TRUE(data["timestamp"].is_number_integer());
    EXPECT_GE(data["timestamp"], before);
    EXPECT_LE(data["timestamp"], std::time(nullptr));
}

TEST(health_check, A000_C3_one_in_ten_fails_at_once_and_the_others_take_100_to_500_ms) {
    std::vector<fusebox::duration> pauses;
    const auto note = [&](fusebox::duration d) -> net::awaitable<void> {
        pauses.push_back(d);
        co_return;
    };
    database usual{{.seed = 7}, note};
    const auto data = usual.routes().at("GET /data");
    int failed = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto paused_before = pauses.size();
        const auto got = answer_of(data, no_request);
        if (got.status == 200) continue;
        ++failed;
        EXPECT_EQ(got.status, 500);
        EXPECT_EQ(got.body, R"({"error":"Database error"})");
        EXPECT_EQ(pauses.size(), paused_before) << "a failure does not wait";
    }
    EXPECT_NEAR(failed, 1000, 120);
    ASSERT_EQ(pauses.size(), 10'000u - failed);
    const auto [shortest, longest] = std::minmax_element(pauses.begin(), pauses.end());
    EXPECT_GE(*shortest, 100ms);
    EXPECT_LT(*shortest, 102ms);
    EXPECT_LE(*longest, 500ms);
    EXPECT_GT(*longest, 498ms);
}

TEST(health_check, the_same_seed_gives_the_same_faults) {
    const auto faults = [](std::uint64_t seed) {
        database service_c{{.seed = seed}, no_pause};
        const auto all = service_c.routes();
        std::string story;
        for (int i = 0; i < 200; ++i)
            story += std::to_string(answer_of(all.at(i % 2 ? "GET /health" : "GET /data"), no_request).status) + " ";
        return story;
    };
    EXPECT_EQ(faults(42), faults(42));
    EXPECT_NE(faults(42), faults(43));
}

TEST(health_check, the_database_heeds_its_environment) {
    auto env = environment_of({{"HEALTH_FAIL_RATE", "1"},
                               {"DATA_FAIL_RATE", "0.25"},
                               {"DATA_LATENCY_MIN", "0.01"},
                               {"DATA_LATENCY_MAX", "0.02"},
                               {"SEED", "9"}});
    const auto s = database_settings::from(env);
    EXPECT_TRUE(env.refused().empty());
    EXPECT_EQ(s.health_fail_rate, 1);
    EXPECT_EQ(s.data_fail_rate, 0.25);
    EXPECT_EQ(s.data_latency_min, 10ms);
    EXPECT_EQ(s.data_latency_max, 20ms);
    EXPECT_EQ(s.seed, 9u);
}

TEST(health_check, settings_that_cannot_be_meant_are_refused) {
    auto env = environment_of(
        {{"HEALTH_FAIL_RATE", "2"}, {"DATA_FAIL_RATE", "nan"}, {"DATA_LATENCY_MIN", "1s"}, {"SEED", "x"}});
    (void)database_settings::from(env);
    EXPECT_EQ(env.refused(),
              (std::vector<std::string>{"HEALTH_FAIL_RATE=2 must be a number from 0 to 1",
                                        "DATA_FAIL_RATE=nan must be a number from 0 to 1",
                                        "DATA_LATENCY_MIN=1s must be a number of seconds from 0 to 86400",
                                        "SEED=x must be a whole number from 0 to 18446744073709551615"}));
    auto turned = environment_of({{"DATA_LATENCY_MIN", "3"}});
    (void)database_settings::from(turned);
    EXPECT_EQ(turned.refused().size(), 1u);
    auto no_url = environment_of({{"SERVICE_C_URL", "service-c:5000"}});
    (void)api_gateway_settings::from(no_url);
    EXPECT_EQ(no_url.refused(),
              (std::vector<std::string>{"SERVICE_C_URL: 'service-c:5000' must begin with http:// or https://"}));
}

// -- The gateway ----------------------------------------------------------------------------------------

struct gateway_under_test {
    explicit gateway_under_test(api_gateway_settings s)
        : gateway{on_loop(), std::move(s)}, server_{serve(gateway.routes())} {}
    answer visit(const std::string& path) const { return get(server_.port(), path); }

    api_gateway gateway;
    server server_;
};

TEST(health_check, A000_B1_the_gateway_and_the_database_are_healthy) {
    stand_in service_c{{"/health"}};
    const gateway_under_test b{{.service_c_url = service_c.url()}};
    const auto got = b.visit("/health");
    EXPECT_EQ(got.status, 200);
    const std::regex shape{
        R"(\{"service":"api-gateway","status":"healthy","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",)"
        R"("dependencies":\{"service-c":"healthy"\}\})"};
    EXPECT_TRUE(std::regex_match(got.body, shape)) << got.body;
}

TEST(health_check, A000_B2_an_ill_database_degrades_the_gateway_but_it_answers_200) {
    stand_in service_c{{"/health"}};
    service_c.answers(503);
    const gateway_under_test b{{.service_c_url = service_c.url()}};
    const auto got = b.visit("/health");
    EXPECT_EQ(got.status, 200);
    const auto said = json::parse(got.body);
    EXPECT_EQ(said["status"], "degraded");
    EXPECT_EQ(said["dependencies"]["service-c"], "unhealthy");
}

TEST(health_check, A000_B3_an_unreachable_database_makes_the_gateway_unhealthy) {
    const std::string gone = dead_url();
    const gateway_under_test b{{.service_c_url = gone}};
    const auto got = b.visit("/health");
    EXPECT_EQ(got.status, 503);
    const auto said = json::parse(got.body);
    EXPECT_EQ(said["status"], "unhealthy");
    EXPECT_EQ(said["dependencies"]["service-c"], "unreachable: " + gone.substr(7) + " refused the connection");

    const gateway_under_test nameless{{.service_c_url = unresolvable_url()}};
    const std::string why = json::parse(nameless.visit("/health").body)["dependencies"]["service-c"];
    EXPECT_TRUE(why.contains("does not resolve")) << why;
}

TEST(health_check, A000_B3_a_database_that_does_not_answer_in_time_is_unreachable) {
    holding_stand_in service_c{{"/health"}};
    const gateway_under_test b{{.service_c_url = service_c.url(), .health_timeout = 50ms}};
    const auto got = b.visit("/health");
    EXPECT_EQ(got.status, 503);
    const std::string why = json::parse(got.body)["dependencies"]["service-c"];
    EXPECT_TRUE(why.starts_with("unreachable: no answer from ")) << why;
}

TEST(health_check, A000_B4_the_gateway_relays_body_and_status) {
    stand_in service_c{{"/data"}};
    const gateway_under_test b{{.service_c_url = service_c.url()}};
    service_c.answers(200, R"({"data":[1,2]})");
    EXPECT_EQ(b.visit("/api/data").status, 200);
    EXPECT_EQ(b.visit("/api/data").body, R"({"data":[1,2]})");
    service_c.answers(500, R"({"error":"Database error"})");
    EXPECT_EQ(b.visit("/api/data").status, 500);
    EXPECT_EQ(b.visit("/api/data").body, R"({"error":"Database error"})");
}

TEST(health_check, A000_B4_the_gateway_tells_a_timeout_from_the_rest) {
    holding_stand_in service_c{{"/data"}};
    const gateway_under_test late{{.service_c_url = service_c.url(), .data_timeout = 50ms}};
    EXPECT_EQ(late.visit("/api/data").status, 504);
    EXPECT_EQ(late.visit("/api/data").body, R"({"error":"Service timeout"})");

    const std::string gone = dead_url();
    const gateway_under_test b{{.service_c_url = gone}};
    const auto got = b.visit("/api/data");
    EXPECT_EQ(got.status, 503);
    EXPECT_EQ(json::parse(got.body),
              (json{{"error", "Service unavailable: " + gone.substr(7) + " refused the connection"}}));
}

TEST(health_check, A000_B4_an_answer_that_is_not_json_is_not_relayed) {
    stand_in service_c{{"/data"}};
    service_c.answers(200, "<html>");
    const gateway_under_test b{{.service_c_url = service_c.url()}};
    const auto got = b.visit("/api/data");
    EXPECT_EQ(got.status, 503);
    EXPECT_TRUE(got.says("Service unavailable: ")) << got.body;
}

TEST(health_check, A000_B5_the_gateway_is_ready_when_the_database_is) {
    stand_in service_c{{"/health"}};
    const gateway_under_test b{{.service_c_url = service_c.url()}};
    EXPECT_EQ(b.visit("/ready").status, 200);
    EXPECT_EQ(b.visit("/ready").body, R"({"status":"ready"})");
    service_c.answers(503);
    EXPECT_EQ(b.visit("/ready").status, 503);
    EXPECT_EQ(b.visit("/ready").body, R"({"status":"not ready","reason":"dependency unhealthy"})");

    const gateway_under_test alone{{.service_c_url = dead_url()}};
    EXPECT_EQ(alone.visit("/ready").status, 503);
    EXPECT_EQ(alone.visit("/ready").body, R"({"status":"not ready","reason":"dependency unreachable"})");
    holding_stand_in silent{{"/health"}};
    const gateway_under_test waiting{{.service_c_url = silent.url(), .ready_timeout = 50ms}};
    EXPECT_EQ(waiting.visit("/ready").body, R"({"status":"not ready","reason":"dependency unreachable"})");
}

// The seed's compose file sets the addresses, and its code does not look.
TEST(health_check, addresses_and_times_are_the_documented_ones_and_the_environment_is_heeded) {
    auto nothing = environment_of({});
    const auto b = api_gateway_settings::from(nothing);
    EXPECT_EQ(b.service_c_url, "http://service-c:5000");
    EXPECT_EQ(b.health_timeout, 2s);
    EXPECT_EQ(b.data_timeout, 3s);
    EXPECT_EQ(b.ready_timeout, 1s);
    const auto a = health_check::frontend_settings::from(nothing);
    EXPECT_EQ(a.service_b_url, "http://service-b:5001");
    EXPECT_EQ(a.failure_threshold, 3u);
    EXPECT_EQ(a.recovery_timeout, 20s);
    EXPECT_EQ(a.request_timeout, 10s);

    auto set = environment_of({{"SERVICE_C_URL", "http://c:1/"},
                               {"SERVICE_B_URL", "http://b:2"},
                               {"CIRCUIT_FAILURE_THRESHOLD", "5"},
                               {"CIRCUIT_RECOVERY_TIMEOUT", "0.5"}});
    EXPECT_EQ(api_gateway_settings::from(set).service_c_url, "http://c:1");
    const auto other = health_check::frontend_settings::from(set);
    EXPECT_EQ(other.service_b_url, "http://b:2");
    EXPECT_EQ(other.failure_threshold, 5u);
    EXPECT_EQ(other.recovery_timeout, 500ms);
    EXPECT_TRUE(set.refused().empty());
}

}  // namespace
