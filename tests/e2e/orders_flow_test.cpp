// How an order of the orders demo is placed.
#include "orders_fixture.hpp"

#include <future>

namespace {

using namespace e2e;

TEST(orders_flow, A002_F1_an_order_goes_through_all_services_in_turn) {
    const shop_under_test shop;
    EXPECT_EQ(talk(shop.cart.port(), "POST", "/customers/1/cart", R"({"product_id":2,"quantity":3})").status, 201);
    const auto placed = shop.place_order(order_of({{2, 3}, {3, 1}}));
    EXPECT_EQ(placed.status, 200);
    EXPECT_EQ(placed.body,
              R"({"status":"success","order":{"id":1,"customer_id":1,"items":[{"product_id":2,"quantity":3},)"
              R"({"product_id":3,"quantity":1}],"payment_method":"COD","status":"created"}})");
    EXPECT_EQ(shop.stock(2), 497);
    EXPECT_EQ(shop.stock(3), 2);
    EXPECT_EQ(get(shop.order.port(), "/orders/1").status, 200);
    EXPECT_EQ(shop.mails().size(), 1u);
    EXPECT_EQ(shop.mails()[0]["to"], "mai@example.com");
    EXPECT_EQ(shop.mails()[0]["subject"], "Order 1");
    EXPECT_EQ(shop.outbox(), json::array()) << "nothing is left to send";
    EXPECT_EQ(get(shop.cart.port(), "/customers/1/cart").body, R"({"items":[]})");
}

TEST(orders_flow, A002_F1_a_token_that_auth_does_not_know_is_answered_with_auths_status) {
    shop_under_test shop;
    const auto unknown = shop.place_order(one_pen, "Authorization: Bearer nobody\r\n");
    EXPECT_EQ(unknown.status, 401);
    EXPECT_EQ(shop.detail(unknown), "Invalid token");
    shop.auth.answers("GET /auth/validate", 403, R"({"detail":"Banned"})");
    EXPECT_EQ(shop.place_order().status, 403);
    shop.auth.answers("GET /auth/validate", 204, "");
    EXPECT_EQ(shop.place_order().status, 401) << "not 200, and no error that could be relayed";
    EXPECT_EQ(shop.customer.requests(), 0u);
}

TEST(orders_flow, A002_F1_an_unknown_product_is_404_and_too_few_of_one_400) {
    const shop_under_test shop;
    const auto unknown = shop.place_order(order_of({{99, 1}}));
    EXPECT_EQ(unknown.status, 404);
    EXPECT_EQ(shop.detail(unknown), "Product 99 not found");
    const auto too_many = shop.place_order(order_of({{1, 1}, {3, 4}}));
    EXPECT_EQ(too_many.status, 400);
    EXPECT_EQ(shop.detail(too_many), "Product 3 insufficient stock");
    EXPECT_EQ(shop.stock(1), 100'000) << "nothing was taken";
}

TEST(orders_flow, A002_F2_an_open_circuit_before_the_order_refuses_it_at_once) {
    for (const std::string service : {"auth", "customer", "product"}) {
        shop_under_test shop;
        place& ill = service == "auth" ? shop.auth : service == "customer" ? shop.customer : shop.product;
        ill.stop();
        for (int i = 0; i < 3; ++i) EXPECT_EQ(shop.place_order().status, 502) << service;
        ill.start();
        const auto refused = shop.place_order();
        EXPECT_EQ(refused.status, 503) << service;
        EXPECT_TRUE(shop.detail(refused).starts_with("Circuit open for " + service + ": "));
        EXPECT_EQ(ill.requests(), 0u);
        EXPECT_EQ(shop.order.requests(), 0u);
        EXPECT_EQ(shop.notification.requests(), 0u);
    }
}

// The seed's code would raise here: stock taken, an order written, and an error for the customer.
TEST(orders_flow, A002_F2_neither_a_failed_notification_nor_its_open_circuit_loses_the_order) {
    shop_under_test shop;
    shop.notification.stop();
    for (int i = 1; i <= 5; ++i) {
        const auto placed = json::parse(shop.place_order().body);
        EXPECT_EQ(placed["status"], "success");
        EXPECT_EQ(placed["order"]["id"], i);
        const std::string warning = placed.value("warning", "");
        EXPECT_TRUE(warning.starts_with("The confirmation will be sent later: ")) << warning;
        EXPECT_TRUE(warning.contains(i <= 3 ? "notification unreachable: " : "Circuit open for notification: "));
    }
    EXPECT_EQ(shop.stock(1), 99'995);
    EXPECT_EQ(shop.outbox().size(), 5u);
}

TEST(orders_flow, A002_F2_a_notification_service_that_answers_an_error_loses_nothing_either) {
    shop_under_test shop;
    shop.notification.answers("POST /notifications/email", 500);
    const auto placed = json::parse(shop.place_order().body);
    EXPECT_EQ(placed["status"], "success");
    EXPECT_EQ(placed["warning"], "The confirmation will be sent later: notification answered 500");
    EXPECT_EQ(shop.outbox(), (json::array({{{"order_id", 1}, {"to", "mai@example.com"}}})));
}

TEST(orders_flow, A002_F2_what_was_not_sent_is_sent_when_the_circuit_closes) {
    shop_under_test shop;
    shop.look_after();  // at the start: nothing there
    shop.notification.stop();
    for (int i = 0; i < 4; ++i) shop.place_order();
    shop.notification.start();
    shop.look_after();
    EXPECT_EQ(shop.notification.requests(), 0u) << "the circuit is open: nobody is asked";
    EXPECT_EQ(shop.outbox().size(), 4u);

    shop.clock.advance(30'100ms);
    shop.look_after();
    EXPECT_EQ(shop.mails().size(), 4u) << "the trial was a confirmation, and the others followed";
    EXPECT_EQ(shop.outbox(), json::array());
    EXPECT_EQ(shop.state("notification"), "closed");
    EXPECT_TRUE(shop.logged("the confirmation of order 4 was sent from the outbox"));
    const auto looks = shop.order.requests();
    shop.look_after();
    shop.look_after();
    EXPECT_LE(shop.order.requests(), looks + 2) << "one last look of its own, and one of this test's";
}

TEST(orders_flow, a_confirmation_that_is_under_way_is_not_sent_from_the_outbox_too) {
    shop_under_test shop;
    std::atomic<bool> held{true};
    const auto mail = [&](const request&) -> net::awaitable<response> {
        co_await wait_while(held);
        co_return response{200, "{}"};
    };
    shop.notification.become({{"POST /notifications/email", mail}});
    auto placing = std::async(std::launch::async, [&] { return shop.place_order(); });
    ASSERT_TRUE(eventually([&] { return shop.notification.requests() == 1; }));
    EXPECT_EQ(shop.outbox().size(), 1u);
    shop.look_after();
    EXPECT_EQ(shop.notification.requests(), 1u);
    held = false;
    EXPECT_EQ(placing.get().status, 200);
    shop.look_after();
    EXPECT_EQ(shop.notification.requests(), 1u);
    EXPECT_EQ(shop.outbox(), json::array());
    EXPECT_TRUE(shop.log.empty()) << shop.log.front();
}

TEST(orders_flow, a_confirmation_whose_place_in_the_outbox_was_not_cleared_arrives_once) {
    const shop_under_test shop;
    const std::string mail = R"({"to":"mai@example.com","subject":"Order 1","content":"Thank you."})";
    const std::string key = "Idempotency-Key: order-1\r\n";
    EXPECT_EQ(talk(shop.notification.port(), "POST", "/notifications/email", mail, key).status, 200);
    EXPECT_EQ(talk(shop.notification.port(), "POST", "/notifications/email", mail, key).status, 200);
    EXPECT_EQ(shop.mails().size(), 1u);
}

TEST(orders_flow, A002_F3_the_authorization_is_checked_as_the_seed_says) {
    const shop_under_test shop;
    const auto says = [&](const std::string& headers, const std::string& what, const std::string& body = one_pen) {
        const auto refused = shop.place_order(body, headers);
        EXPECT_EQ(refused.status, 401);
        EXPECT_EQ(shop.detail(refused), what);
    };
    says("", "Missing Authorization header");
    says("Authorization: mai-token\r\n", "Invalid Authorization header format");
    says("Authorization: Basic bWFp\r\n", "Invalid Authorization header format");
    EXPECT_EQ(shop.auth.requests(), 0u);
    says("Authorization: Bearer ana-token\r\n", "Customer mismatch with token");
    says(mai, "Customer mismatch with token", R"({"customer_id":2,"items":[{"product_id":1,"quantity":1}]})");
}

// The seed compares texts.
TEST(orders_flow, A002_F1_whose_token_it_is_may_be_said_as_a_number_or_as_a_text) {
    shop_under_test shop;
    const std::string as_text = R"({"customer_id":"1","items":[{"product_id":1,"quantity":1}]})";
    EXPECT_EQ(shop.place_order(as_text).status, 200);
    shop.auth.answers("GET /auth/validate", 200, R"({"customer_id":"1"})");
    EXPECT_EQ(shop.place_order().status, 200);
    EXPECT_EQ(shop.place_order(as_text).status, 200);
    for (const char* other : {R"("2")", R"("one")", R"("")", R"("1 ")", "2", "1.5", "null", "[1]"}) {
        shop.auth.answers("GET /auth/validate", 200, std::string(R"({"customer_id":)") + other + "}");
        EXPECT_EQ(shop.detail(shop.place_order()), "Customer mismatch with token") << other;
    }
}

TEST(orders_flow, a_cart_is_somebodys) {
    const shop_under_test shop;
    for (const std::string nobody : {"abc", "0", "-1", "1.5", "99999999999999999999"})
        for (const char* method : {"GET", "POST", "DELETE"}) {
            const auto refused =
                talk(shop.cart.port(), method, "/customers/" + nobody + "/cart", R"({"product_id":2,"quantity":3})");
            EXPECT_EQ(refused.status, 422) << method << " " << nobody;
            EXPECT_EQ(shop.detail(refused), "a customer's id must be a whole number from 1 to 9223372036854775807");
        }
}

TEST(orders_flow, A002_F3_addresses_ports_and_health_are_the_seeds) {
    auto nothing = environment_of({});
    const auto urls = orders::make_order_settings::from(nothing).urls;
    EXPECT_EQ(urls.auth, "http://auth-service:8001");
    EXPECT_EQ(urls.product, "http://product-service:8002");
    EXPECT_EQ(urls.customer, "http://customer-service:8003");
    EXPECT_EQ(urls.cart, "http://cart-service:8004");
    EXPECT_EQ(urls.order, "http://order-service:8005");
    EXPECT_EQ(urls.notification, "http://notification-service:8006");
    auto set = environment_of({{"AUTH_URL", "http://a:1"},
                               {"PRODUCT_URL", "http://p:2/"},
                               {"CUSTOMER_URL", "http://c:3"},
                               {"CART_URL", "http://k:4"},
                               {"ORDER_URL", "http://o:5"},
                               {"NOTIF_URL", "http://n:6"}});
    const auto given = orders::make_order_settings::from(set).urls;
    EXPECT_EQ(given.auth + given.product + given.customer, "http://a:1http://p:2http://c:3");
    EXPECT_EQ(given.cart + given.order + given.notification, "http://k:4http://o:5http://n:6");

    const shop_under_test shop;
    for (const std::uint16_t port : {shop.port(), shop.auth.port(), shop.product.port(), shop.customer.port(),
                                     shop.cart.port(), shop.order.port(), shop.notification.port()})
        EXPECT_EQ(get(port, "/health").body, R"({"status":"ok"})");
}

TEST(orders_flow, A002_F3_the_way_of_paying_is_cash_unless_said_otherwise) {
    const shop_under_test shop;
    EXPECT_EQ(json::parse(shop.place_order().body)["order"]["payment_method"], "COD");
    const auto by_card =
        shop.place_order(R"({"customer_id":1,"items":[{"product_id":1,"quantity":1}],"payment_method":"CARD"})");
    EXPECT_EQ(json::parse(by_card.body)["order"]["payment_method"], "CARD");
}

TEST(orders_flow, a_body_that_cannot_be_meant_is_422_and_nobody_is_asked) {
    const shop_under_test shop;
    const auto says = [&](const std::string& body, const std::string& what) {
        const auto refused = shop.place_order(body);
        EXPECT_EQ(refused.status, 422) << body;
        EXPECT_EQ(shop.detail(refused), what);
    };
    says("[", "the body must be a JSON object");
    says(R"({"items":[]})", "customer_id must be a whole number from 1 to 9223372036854775807, not left out");
    says(R"({"customer_id":1,"items":[]})", "items must be a list of 1 to 100 objects");
    says(R"({"customer_id":1,"items":[7]})", "items[0] must be an object");
    says(order_of({{1, 1}, {1, -2}}), "items[1].quantity must be a whole number from 1 to 1000000, not -2");
    says(R"({"customer_id":1,"items":[{"product_id":"1","quantity":1}]})",
         "items[0].product_id must be a whole number from 1 to 9223372036854775807, not \"1\"");
    says(order_of({{1, 600'000}, {1, 600'000}}), "items ask for more than 1000000 of product 1");
    says(R"({"customer_id":1,"items":[{"product_id":1,"quantity":1}],"payment_method":7})",
         "payment_method must be a text of at most 500 bytes");
    EXPECT_EQ(shop.auth.requests(), 0u);
}

}  // namespace
