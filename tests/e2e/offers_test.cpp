// The offers demo, point by point: hot offers, cold ones, what the circuit tells, and who shares it.
#include "logbook.hpp"

#include <offers/offer_service.hpp>
#include <offers/offer_text.hpp>
#include <offers/partner_offer_service.hpp>

#include <fusebox/testing/manual_clock.hpp>

#include <future>
#include <regex>

namespace {

using namespace e2e;
using namespace std::string_literals;
using offers::memory_storage;
using offers::offer_service;
using offers::offer_settings;
using offers::partner_offer_service;
using offers::partner_settings;

using strings = std::vector<std::string>;

// An offer service, listening, with its log.
struct offering {
    offering(const std::string& partner_url, offers::circuit_storage& storage, const fusebox::monotonic_clock& clock,
             offer_settings settings = {})
        : service{on_loop(), calling(std::move(settings), partner_url), storage, log.sink(), &clock},
          listening{serve(service.routes())} {}

    static offer_settings calling(offer_settings s, const std::string& partner_url) {
        s.partner_url = partner_url;
        return s;
    }
    answer visit(const std::string& path) const { return get(listening.port(), path); }
    std::string offer() const {
        const auto got = visit("/offer");
        EXPECT_EQ(got.status, 200) << "always";
        return json::parse(got.body);
    }
    std::string circuit() const { return visit("/offer/circuit").body; }

    logbook log;
    offer_service service;
    server listening;
};

bool is_hot(const std::string& offer) {
    return std::regex_match(offer, std::regex{R"(Hot offer \d{1,2}:\d{1,2})"});
}
bool is_cold(const std::string& offer) {
    return std::regex_match(offer, std::regex{R"(Cold offer fallback \d{1,2}:\d{1,2})"});
}

std::string circuit_is(const std::string& state, int failures) {
    return R"({"current_state":")" + state + R"(","fail_counter":)" + std::to_string(failures) + "}";
}

class offers_test : public testing::Test {
protected:
    explicit offers_test(offer_settings settings = {}) : us{url_of(partner_server), storage, clock, settings} {}

    fusebox::testing::manual_clock clock;
    memory_storage storage{&clock};
    partner_offer_service partner{{.latency = 0s}};
    server partner_server{serve(partner.routes())};
    offering us;
};
using offers_demo = offers_test;

// -- The partner ------------------------------------------------------------------------------------------

TEST(offers_partner, A004_P1_a_hot_offer_takes_a_second_and_has_minute_and_second) {
    std::vector<fusebox::duration> pauses;
    const auto note = [&](fusebox::duration d) -> net::awaitable<void> {
        pauses.push_back(d);
        co_return;
    };
    partner_offer_service usual{{}, note};
    const auto got = answer_of(usual.routes().at("GET /offer/hot"), {});
    EXPECT_EQ(got.status, 200);
    EXPECT_TRUE(got.get("Content-Type").starts_with("text/plain"));
    EXPECT_TRUE(is_hot(got.body)) << got.body;
    EXPECT_EQ(pauses, (std::vector<fusebox::duration>{1s}));

    std::tm made{};
    made.tm_min = 7;
    made.tm_sec = 5;
    EXPECT_EQ(offers::offer_text("Hot offer", made), "Hot offer 7:5") << "not padded";
}

TEST_F(offers_demo, A004_P1_the_partner_answers_with_the_status_that_it_is_told) {
    const auto status = [&] { return get(partner_server.port(), "/offer/hot").status; };
    EXPECT_EQ(status(), 200);
    EXPECT_EQ(post(partner_server.port(), "/offer/status/500").body, R"({"status":500})");
    EXPECT_EQ(status(), 500);
    EXPECT_TRUE(is_hot(get(partner_server.port(), "/offer/hot").body));
    post(partner_server.port(), "/offer/status/200");
    EXPECT_EQ(status(), 200);
    for (const char* bad : {"199", "600", "soon", "-1", "5000000000"}) {
        const auto refused = post(partner_server.port(), "/offer/status/"s + bad);
        EXPECT_EQ(refused.status, 400) << bad;
        EXPECT_EQ(json::parse(refused.body)["error"], "'"s + bad + "' must be a status from 200 to 599");
    }
    EXPECT_EQ(status(), 200);

    auto ill = environment_of({{"PARTNER_STATUS", "500"}, {"PARTNER_LATENCY", "0.5"}});
    EXPECT_EQ(partner_settings::from(ill).status, 500);
    EXPECT_EQ(partner_settings::from(ill).latency, 500ms);
}

// -- Offers -----------------------------------------------------------------------------------------------

TEST_F(offers_demo, A004_O1_an_offer_is_a_json_string) {
    const auto got = us.visit("/offer");
    EXPECT_TRUE(got.head.contains("Content-Type: application/json\r\n"));
    EXPECT_TRUE(std::regex_match(got.body, std::regex{R"("Hot offer \d{1,2}:\d{1,2}")"})) << got.body;
}

TEST(offers_fallback, A004_O1_there_is_a_cold_offer_for_every_failure) {
    fusebox::testing::manual_clock clock;
    stand_in partner{{"/offer/hot"}};
    memory_storage storage{&clock};
    const offering us{partner.url(), storage, clock, {.fail_max = 100}};
    partner.answers(200, "an offer with a \" and a \\ in it");
    EXPECT_EQ(us.offer(), "an offer with a \" and a \\ in it");
    for (const int status : {400, 404, 500, 503}) {
        partner.answers(status);
        EXPECT_TRUE(is_cold(us.offer())) << status;
    }
    EXPECT_EQ(us.circuit(), circuit_is("closed", 4));

    memory_storage of_another{&clock};
    const offering alone{dead_url(), of_another, clock};
    EXPECT_TRUE(is_cold(alone.offer()));
    EXPECT_EQ(alone.circuit(), circuit_is("closed", 1));

    holding_stand_in silent{{"/offer/hot"}};
    memory_storage of_a_third{&clock};
    const offering waiting{silent.url(), of_a_third, clock, {.request_timeout = 50ms}};
    EXPECT_TRUE(is_cold(waiting.offer()));
    EXPECT_EQ(waiting.circuit(), circuit_is("closed", 1));
}

TEST_F(offers_demo, A004_O1_while_the_circuit_is_open_there_is_a_cold_offer) {
    us.service.circuit().force_open();
    EXPECT_TRUE(is_cold(us.offer()));
    EXPECT_EQ(partner_server.requests(), 0u);
}

TEST(offers_circuit, A004_O2_half_open_is_written_with_a_hyphen) {
    std::atomic<bool> ill{true};
    std::atomic<bool> held{true};
    const auto hot = [&](const request&) -> net::awaitable<response> {
        if (ill) co_return response{500, ""};
        co_await wait_while(held);
        co_return response{200, "Hot offer 1:1"};
    };
    const server partner = serve({{"GET /offer/hot", hot}});
    fusebox::testing::manual_clock clock;
    memory_storage storage{&clock};
    const offering us{url_of(partner), storage, clock};
    EXPECT_EQ(us.circuit(), circuit_is("closed", 0));
    for (int i = 0; i < 3; ++i) us.offer();
    EXPECT_EQ(us.circuit(), circuit_is("open", 3));
    ill = false;
    clock.advance(15s);
    auto trial = std::async(std::launch::async, [&] { return us.offer(); });
    while (partner.requests() < 4) std::this_thread::yield();
    EXPECT_EQ(us.circuit(), circuit_is("half-open", 3));
    EXPECT_TRUE(is_cold(us.offer())) << "only one may try";
    held = false;
    EXPECT_TRUE(is_hot(trial.get()));
    EXPECT_EQ(us.circuit(), circuit_is("closed", 0));
    EXPECT_EQ(partner.requests(), 4u);
}

TEST(offers_settings, A004_O3_the_circuit_is_set_as_documented) {
    auto nothing = environment_of({});
    const auto usual = offer_settings::from(nothing);
    EXPECT_EQ(usual.partner_url, "http://127.0.0.1:8000");
    EXPECT_EQ(usual.fail_max, 3u);
    EXPECT_EQ(usual.reset_timeout, 15s);
    EXPECT_EQ(usual.request_timeout, 2s);
    EXPECT_FALSE(usual.log_requests);
    EXPECT_NE(offers::storage_from(nothing), nullptr);
    EXPECT_TRUE(nothing.refused().empty());

    auto set = environment_of({{"PARTNER_URL", "http://p:1/"},
                               {"FAIL_MAX", "5"},
                               {"RESET_TIMEOUT", "0.5"},
                               {"HTTPX_LOG_LEVEL", "debug"},
                               {"STATE_STORAGE", "memory"}});
    const auto other = offer_settings::from(set);
    EXPECT_EQ(other.partner_url, "http://p:1");
    EXPECT_EQ(other.fail_max, 5u);
    EXPECT_EQ(other.reset_timeout, 500ms);
    EXPECT_TRUE(other.log_requests);
    (void)offers::storage_from(set);
    EXPECT_TRUE(set.refused().empty());
    for (const char* loud : {"DEBUG", "Debug", "trace", "TRACE"}) {
        auto env = environment_of({{"HTTPX_LOG_LEVEL", loud}});
        EXPECT_TRUE(offer_settings::from(env).log_requests) << loud;
        EXPECT_TRUE(env.refused().empty()) << loud;
    }
    auto empty = environment_of({{"HTTPX_LOG_LEVEL", ""}, {"FAIL_MAX", ""}, {"PARTNER_URL", ""}});
    EXPECT_EQ(offer_settings::from(empty).fail_max, 3u) << "as where Compose passes on what is not there";
    EXPECT_TRUE(empty.refused().empty());
}

TEST(offers_settings, A004_O3_what_is_not_there_is_refused_with_a_sentence) {
    auto env = environment_of({{"STATE_STORAGE", "redis"}, {"HTTPX_LOG_LEVEL", "loud"}, {"PARTNER_STATUS", "99"}});
    (void)offers::storage_from(env);
    (void)offer_settings::from(env);
    (void)partner_settings::from(env);
    EXPECT_EQ(env.refused(), (strings{"STATE_STORAGE=redis comes with shared state, which is not there yet; memory is",
                                      "HTTPX_LOG_LEVEL=loud must be debug or trace, or not set",
                                      "PARTNER_STATUS=99 must be a whole number from 200 to 599"}));
    auto unknown = environment_of({{"STATE_STORAGE", "paper"}});
    (void)offers::storage_from(unknown);
    EXPECT_EQ(unknown.refused(), strings{"STATE_STORAGE=paper must be memory"});
}

// -- Logs -------------------------------------------------------------------------------------------------

class offers_that_are_logged : public offers_test {
protected:
    offers_that_are_logged() : offers_test({.log_requests = true}) {}

    strings told() const {
        auto lines = us.log.lines();
        std::erase_if(lines, [](const auto& line) { return line.starts_with("DEBUG "); });
        return lines;
    }
    strings requests() const {
        auto lines = us.log.lines();
        std::erase_if(lines, [](const auto& line) { return !line.starts_with("DEBUG "); });
        return lines;
    }
};

constexpr const char* before = "Antes do circuito invocar a função.";
constexpr const char* success = "Quando uma invocação de função é bem-sucedida.";
constexpr const char* failure = "Quando uma invocação de função levanta uma exceção.";

TEST_F(offers_that_are_logged, A004_L1_each_request_has_a_line_and_while_open_there_is_none) {
    us.offer();
    partner.set_status(500);
    for (int i = 0; i < 10; ++i) us.offer();
    const auto lines = requests();
    ASSERT_EQ(lines.size(), 4u) << "one that succeeded, three that failed, and no more";
    const std::string start = R"(DEBUG \[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] httpx\._client - HTTP Request: GET )" +
                              url_of(partner_server) + R"(/offer/hot "HTTP/1\.1 )";
    EXPECT_TRUE(std::regex_match(lines[0], std::regex{start + "200 OK\""})) << lines[0];
    for (int i = 1; i < 4; ++i)
        EXPECT_TRUE(std::regex_match(lines[i], std::regex{start + "500 Internal Server Error\""})) << lines[i];
}

TEST(offers_log, A004_L1_without_debug_there_is_no_such_line_and_with_it_no_answer_has_a_reason) {
    fusebox::testing::manual_clock clock;
    const std::string gone = dead_url();
    memory_storage storage{&clock};
    const offering quiet{gone, storage, clock};
    quiet.offer();
    EXPECT_EQ(quiet.log.count("DEBUG"), 0);
    const offering loud{gone, storage, clock, {.log_requests = true}};
    loud.offer();
    ASSERT_EQ(loud.log.count("DEBUG"), 1);
    EXPECT_TRUE(loud.log.lines()[1].ends_with("/offer/hot " + gone.substr(7) + " refused the connection"))
        << loud.log.lines()[1];
}

TEST_F(offers_that_are_logged, A004_L2_listeners_hear_of_calls_and_states) {
    us.offer();
    EXPECT_EQ(told(), (strings{before, success}));
    partner.set_status(500);
    for (int i = 0; i < 5; ++i) us.offer();
    EXPECT_EQ(told(), (strings{before, success, before, failure, before, failure, before, failure,
                               "Quando o estado do circuito mudou (open)."}))
        << "and nothing of the two calls that were refused";
}

// Whatever the visitor's language, and without being asked.
TEST_F(offers_demo, A004_L2_the_lines_are_the_documents_own) {
    partner.set_status(500);
    for (int i = 0; i < 3; ++i) us.offer();
    clock.advance(15s);
    partner.set_status(200);
    us.offer();
    EXPECT_EQ(us.log.lines(),
              (strings{before, failure, before, failure, before, failure, "Quando o estado do circuito mudou (open).",
                       "Quando o estado do circuito mudou (half-open).", before, success,
                       "Quando o estado do circuito mudou (closed)."}));
}

// -- The story --------------------------------------------------------------------------------------------

TEST_F(offers_demo, A004_T1_the_offer_is_hot) {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(is_hot(us.offer()));
    EXPECT_EQ(us.circuit(), circuit_is("closed", 0));
    EXPECT_TRUE(us.visit("/metrics").says("circuit_breaker_state{"));
}

TEST_F(offers_demo, A004_T2_the_partner_breaks_and_one_call_counts_one) {
    us.offer();
    partner.set_status(500);
    EXPECT_TRUE(is_cold(us.offer()));
    EXPECT_EQ(us.circuit(), circuit_is("closed", 1));
}

TEST_F(offers_demo, A004_T3_three_calls_more_and_the_circuit_is_open_with_three) {
    partner.set_status(500);
    us.offer();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_cold(us.offer()));
    EXPECT_EQ(us.circuit(), circuit_is("open", 3));
}

TEST_F(offers_demo, A004_T4_while_open_no_request_reaches_the_partner) {
    partner.set_status(500);
    for (int i = 0; i < 3; ++i) us.offer();
    ASSERT_EQ(partner_server.requests(), 3u);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(is_cold(us.offer()));
    clock.advance(14'900ms);
    us.offer();
    EXPECT_EQ(partner_server.requests(), 3u);
}

TEST_F(offers_that_are_logged, A004_T5_after_15_s_a_call_tries_and_the_circuit_opens_again) {
    partner.set_status(500);
    for (int i = 0; i < 3; ++i) us.offer();
    const auto told_before = told().size();
    clock.advance(15s);
    EXPECT_TRUE(is_cold(us.offer()));
    EXPECT_EQ(partner_server.requests(), 4u);
    auto lines = told();
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(told_before));
    EXPECT_EQ(lines, (strings{"Quando o estado do circuito mudou (half-open).", before, failure,
                              "Quando o estado do circuito mudou (open)."}));
    EXPECT_EQ(us.circuit(), circuit_is("open", 4)) << "the count goes on";
}

TEST_F(offers_that_are_logged, A004_T6_the_partner_is_back_and_so_are_hot_offers) {
    partner.set_status(500);
    for (int i = 0; i < 3; ++i) us.offer();
    partner.set_status(200);
    EXPECT_TRUE(is_cold(us.offer())) << "not before 15 s have passed";
    clock.advance(15s);
    EXPECT_TRUE(is_hot(us.offer()));
    EXPECT_EQ(told().back(), "Quando o estado do circuito mudou (closed).");
    EXPECT_EQ(us.circuit(), circuit_is("closed", 0));
    EXPECT_TRUE(is_hot(us.offer()));
}

// What Docker asks every few seconds: it must neither count nor change its mind.
TEST_F(offers_demo, both_services_are_healthy_whatever_the_offers) {
    partner.set_status(500);
    const auto calls = partner_server.requests();
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(get(partner_server.port(), "/health").body, R"({"status":"ok"})");
        EXPECT_EQ(us.visit("/health").body, R"({"status":"ok"})");
    }
    EXPECT_EQ(partner_server.requests(), calls + 5) << "nobody else asked it";
    EXPECT_EQ(us.circuit(), circuit_is("closed", 0));
}

// -- Who shares the circuit -------------------------------------------------------------------------------

TEST_F(offers_demo, A004_S1_two_services_with_one_storage_share_the_circuit_one_trips_and_both_refuse) {
    const offering other{url_of(partner_server), storage, clock};
    partner.set_status(500);
    other.offer();
    EXPECT_EQ(us.circuit(), circuit_is("closed", 1));
    for (int i = 0; i < 2; ++i) other.offer();
    EXPECT_EQ(us.circuit(), circuit_is("open", 3));
    const auto reached = partner_server.requests();
    EXPECT_TRUE(is_cold(us.offer()));
    EXPECT_TRUE(is_cold(other.offer()));
    EXPECT_EQ(partner_server.requests(), reached) << "neither calls";

    partner.set_status(200);
    clock.advance(15s);
    EXPECT_TRUE(is_hot(us.offer())) << "one trial for both";
    EXPECT_EQ(other.circuit(), circuit_is("closed", 0));
    EXPECT_TRUE(is_hot(other.offer()));
}

TEST_F(offers_demo, A004_S1_a_service_with_another_storage_is_on_its_own) {
    memory_storage elsewhere{&clock};
    const offering other{url_of(partner_server), elsewhere, clock};
    partner.set_status(500);
    for (int i = 0; i < 3; ++i) us.offer();
    EXPECT_EQ(us.circuit(), circuit_is("open", 3));
    EXPECT_EQ(other.circuit(), circuit_is("closed", 0));
}

}  // namespace
