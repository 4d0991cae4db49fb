// The circuits of the orders demo: one for each service, seen through what make-order answers. Time is in the test's
// hand; that nothing was called is read from the called service's own counter.
#include "orders_fixture.hpp"

#include <filesystem>

namespace {

using namespace e2e;
using orders::guarded_services;

const std::string still_open = "Timeout not elapsed yet, circuit breaker still open";

std::string refusal_of(const place& gone) {
    return "127.0.0.1:" + std::to_string(gone.port()) + " refused the connection";
}

guarded_services::result call(guarded_services& services, const std::string& service, const std::string& url,
                              const std::string& path, orders::request_options how = {}) {
    return result_of(services.request_with_cb(service, url, "GET", path, std::move(how)));
}

TEST(orders, A002_S1_each_service_has_a_breaker_of_its_own_made_when_it_is_first_called) {
    const shop_under_test shop;
    EXPECT_EQ(get(shop.port(), "/circuits").body, "{}");
    EXPECT_EQ(shop.place_order(one_pen, "Authorization: Bearer nobody\r\n").status, 401);
    EXPECT_EQ(shop.circuit("auth")["name"], "auth-breaker");
    EXPECT_EQ(shop.state("customer"), "none") << "nobody asked it yet";
    EXPECT_EQ(shop.place_order().status, 200);
    const json all = json::parse(get(shop.port(), "/circuits").body);
    for (const std::string service : {"auth", "customer", "product", "order", "cart", "notification"})
        EXPECT_EQ(all[service]["name"], service + "-breaker");
    EXPECT_EQ(all.size(), 6u);
}

TEST(orders, A002_S2_after_the_cooldown_one_request_finds_out_whether_to_close_or_to_open_again) {
    shop_under_test shop;
    shop.product.stop();
    for (int i = 0; i < 3; ++i) shop.place_order();
    shop.clock.advance(29'900ms);
    EXPECT_EQ(shop.place_order().status, 503) << "not yet";
    shop.clock.advance(200ms);
    EXPECT_EQ(shop.place_order().status, 502) << "the trial is made, and fails";
    EXPECT_EQ(shop.state("product"), "open");
    EXPECT_EQ(shop.place_order().status, 503);

    std::atomic<bool> held{true};
    const auto stock = [&](const request&) -> net::awaitable<response> {
        co_await wait_while(held);
        co_return response{200, R"({"available":false})"};
    };
    shop.product.become({{"GET /products/{id}/stock", stock}});
    shop.clock.advance(30'100ms);
    auto trial = std::async(std::launch::async, [&] { return shop.place_order(); });
    ASSERT_TRUE(eventually([&] { return shop.product.requests() == 1; }));
    EXPECT_EQ(shop.state("product"), "half_open");
    for (int i = 0; i < 5; ++i) {
        const auto refused = shop.place_order();
        EXPECT_EQ(refused.status, 503);
        EXPECT_EQ(shop.detail(refused), "Circuit open for product: Trial call under way, circuit breaker half open");
    }
    EXPECT_EQ(shop.product.requests(), 1u) << "one request, however many ask";
    held = false;
    EXPECT_EQ(trial.get().status, 400) << "too few, but the service has answered";
    EXPECT_EQ(shop.state("product"), "closed");
    EXPECT_EQ(shop.circuit("product")["fail_counter"], 0);
}

TEST(orders, A002_S3_a_service_that_cannot_be_reached_is_502_with_a_detail) {
    shop_under_test shop;
    shop.customer.stop();
    const auto failed = shop.place_order();
    EXPECT_EQ(failed.status, 502);
    EXPECT_TRUE(failed.head.contains("Content-Type: application/json\r\n"));
    EXPECT_EQ(failed.body, R"({"detail":"customer unreachable: )" + refusal_of(shop.customer) + "\"}");
}

TEST(orders, A002_S3_a_service_that_does_not_answer_in_time_is_502_and_the_time_is_5_s_unless_given) {
    EXPECT_EQ(orders::request_options{}.timeout, 5s);
    holding_stand_in slow{{"/auth/validate"}};
    guarded_services services{on_loop(), {}};
    orders::request_options hasty;
    hasty.timeout = 30ms;
    const auto late = call(services, "auth", slow.url(), "/auth/validate", hasty);
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().status, 502);
    EXPECT_TRUE(late.error().detail.starts_with("auth unreachable: no answer from ")) << late.error().detail;
    EXPECT_EQ(services.find("auth")->snapshot().consecutive_failures, 1u) << "a timeout counts";
}

TEST(orders, A002_S4_an_answer_is_no_failure_whatever_its_status_unless_the_setting_says_so) {
    for (const bool counted : {false, true}) {
        shop_under_test shop{{.usual = {.count_http_5xx = counted}}};
        shop.product.answers("GET /products/{id}/stock", 500, R"({"detail":"Out of order"})");
        for (int i = 0; i < 3; ++i) {
            const auto relayed = shop.place_order();
            EXPECT_EQ(relayed.status, 500);
            EXPECT_EQ(shop.detail(relayed), "Out of order");
        }
        EXPECT_EQ(shop.circuit("product")["fail_counter"], counted ? 3 : 0);
        EXPECT_EQ(shop.state("product"), counted ? "open" : "closed");
        shop.customer.answers("GET /customers/{id}", 404);
        for (int i = 0; i < 5; ++i) EXPECT_EQ(shop.place_order().status, 404);
        EXPECT_EQ(shop.state("customer"), "closed") << "404 says nothing of the service's health";
    }
}

TEST(orders, A002_S5_the_third_failure_is_502_and_the_fourth_call_503) {
    shop_under_test shop;
    shop.product.stop();
    for (int i = 1; i <= 3; ++i) {
        const auto failed = shop.place_order();
        EXPECT_EQ(failed.status, 502) << i;
        EXPECT_EQ(shop.detail(failed), "product unreachable: " + refusal_of(shop.product));
        EXPECT_EQ(shop.circuit("product")["fail_counter"], i);
        EXPECT_EQ(shop.state("product"), i < 3 ? "closed" : "open");
    }
    const auto refused = shop.place_order();
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.body, R"({"detail":"Circuit open for product: )" + still_open + "\"}");
    EXPECT_TRUE(refused.head.contains("\r\nRetry-After: 30\r\n")) << refused.head;
}

TEST(orders, A002_S6_the_circuits_show_their_state_and_their_count) {
    shop_under_test shop;
    shop.auth.stop();
    shop.place_order();
    EXPECT_EQ(get(shop.port(), "/circuits").body,
              R"({"auth":{"name":"auth-breaker","current_state":"closed","fail_counter":1,"threshold":3,)"
              R"("cooldown_seconds":30.0}})");
}

TEST(orders, A002_S6_a_call_has_a_method_headers_a_query_and_a_body) {
    std::string heard;
    const auto echo = [&](const request& asked) {
        heard = asked.url + "|" + std::string(asked.get("X-Shop")) + "|" + asked.body + "|" +
                std::string(asked.get("Content-Type"));
        return response{200, "{}"};
    };
    const server service = serve({{"PATCH /things", echo}});
    guarded_services services{on_loop(), {}};
    orders::request_options how;
    how.headers = {{"X-Shop", "7"}};
    how.params = {{"name", "bút & mực"}, {"n", "2"}};
    how.body = orders::json{{"a", 1}};
    const auto got = result_of(services.request_with_cb("cart", url_of(service), "PATCH", "/things", how));
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->status, 200);
    EXPECT_EQ(heard, R"(/things?name=b%C3%BAt%20%26%20m%E1%BB%B1c&n=2|7|{"a":1}|application/json)");
}

TEST(orders, A002_T1_with_all_services_up_orders_succeed_and_all_circuits_are_closed) {
    const shop_under_test shop;
    for (int i = 1; i <= 5; ++i) {
        const auto placed = shop.place_order();
        EXPECT_EQ(placed.status, 200) << placed.body;
        EXPECT_EQ(json::parse(placed.body)["status"], "success");
    }
    for (const json& circuit : json::parse(get(shop.port(), "/circuits").body)) {
        EXPECT_EQ(circuit["current_state"], "closed");
        EXPECT_EQ(circuit["fail_counter"], 0);
    }
}

TEST(orders, A002_T2_T3_the_product_service_stops_and_comes_back) {
    shop_under_test shop;
    shop.product.stop();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(shop.place_order().status, 502);
    shop.product.start();
    EXPECT_EQ(shop.place_order().status, 503);
    EXPECT_EQ(shop.product.requests(), 0u) << "it is up again, and was not called";
    shop.clock.advance(30'100ms);
    EXPECT_EQ(shop.place_order().status, 200);
    EXPECT_EQ(shop.state("product"), "closed");
}

TEST(orders, A002_L1_the_log_says_what_the_seeds_reader_looks_for) {
    shop_under_test shop;
    shop.product.stop();
    for (int i = 0; i < 4; ++i) shop.place_order();
    EXPECT_TRUE(shop.logged("product unreachable: " + refusal_of(shop.product)));
    EXPECT_TRUE(shop.logged("Circuit open for product: " + still_open));
}

TEST(orders, A002_G3_openings_and_states_are_told_to_prometheus) {
    shop_under_test shop;
    shop.place_order();
    shop.product.stop();
    for (int i = 0; i < 4; ++i) shop.place_order();
    const auto told = get(shop.port(), "/metrics");
    EXPECT_TRUE(told.head.contains("Content-Type: text/plain; version=0.0.4"));
    EXPECT_TRUE(told.says("# TYPE circuit_breaker_open_total counter\n"));
    EXPECT_TRUE(told.says("circuit_breaker_open_total{service=\"product\"} 1\n")) << told.body;
    EXPECT_TRUE(told.says("# TYPE circuit_breaker_state gauge\n"));
    EXPECT_TRUE(told.says("circuit_breaker_state{service=\"product\"} 1\n"));
    EXPECT_TRUE(told.says("circuit_breaker_state{service=\"auth\"} 0\n"));
    EXPECT_FALSE(told.says("-breaker"));
    EXPECT_TRUE(told.says("circuit_breaker_calls_blocked_total{service=\"product\"} 1\n"));
}

// -- What the circuits are for ----------------------------------------------------------------------------

std::size_t entries(const char* folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{folder}, {}));
}

TEST(orders, A002_B1_a_refused_call_takes_less_than_5_ms_and_calls_nobody) {
    const place product{{}};
    fusebox::testing::manual_clock clock;
    guarded_services services{on_loop(), {}, [](const std::string&) {}, &clock};
    for (int i = 0; i < 3; ++i) (void)call(services, "product", dead_url(), "/");
    std::vector<fusebox::duration> took;
    for (int i = 0; i < 101; ++i) {
        const auto begun = std::chrono::steady_clock::now();
        const auto refused = call(services, "product", product.url(), "/products/1/stock");
        took.push_back(std::chrono::steady_clock::now() - begun);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().status, 503);
    }
    std::ranges::sort(took);
    EXPECT_LT(took[50], 5ms);
    EXPECT_EQ(product.requests(), 0u);
}

TEST(orders, A002_B1_an_open_circuit_does_not_touch_the_flow_to_other_services) {
    shop_under_test shop;
    shop.product.stop();
    for (int i = 0; i < 10; ++i) shop.place_order();
    EXPECT_EQ(shop.state("product"), "open");
    EXPECT_EQ(shop.state("auth"), "closed");
    EXPECT_EQ(shop.state("customer"), "closed");
    EXPECT_EQ(shop.auth.requests(), 10u) << "each was asked each time";
    EXPECT_EQ(shop.customer.requests(), 10u);
    auto& services = shop.make_order.circuits();
    EXPECT_TRUE(call(services, "cart", shop.cart.url(), "/customers/1/cart").has_value());
    EXPECT_TRUE(call(services, "order", shop.order.url(), "/outbox").has_value());
}

TEST(orders, A002_B1_an_outage_makes_neither_threads_nor_connections_grow) {
    shop_under_test shop;
    shop.place_order();
    shop.product.stop();
    for (int i = 0; i < 4; ++i) shop.place_order();
    const auto threads = entries("/proc/self/task");
    const auto rest = shop.make_order.circuits().idle_connections();
    const auto files = entries("/proc/self/fd");
    for (int i = 0; i < 300; ++i) EXPECT_EQ(shop.place_order().status, 503);
    EXPECT_LE(entries("/proc/self/task"), threads);
    EXPECT_LE(shop.make_order.circuits().idle_connections(), rest);
    EXPECT_TRUE(eventually([&] { return entries("/proc/self/fd") <= files; })) << "the visitors' own are closed soon";
}

TEST(orders, A002_B1_it_recovers_by_itself) {
    shop_under_test shop;
    for (int outage = 0; outage < 3; ++outage) {
        shop.product.stop();
        for (int i = 0; i < 4; ++i) shop.place_order();
        EXPECT_EQ(shop.state("product"), "open");
        shop.product.start();
        shop.clock.advance(30'100ms);
        EXPECT_EQ(shop.place_order().status, 200);
    }
}

}  // namespace
