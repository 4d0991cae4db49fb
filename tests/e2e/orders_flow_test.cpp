// How an order of the orders demo is placed, and what becomes of it when a service fails half-way.
#include "orders_fixture.hpp"

#include <filesystem>
#include <future>

namespace {

using namespace e2e;

std::string order_of(std::initializer_list<std::pair<int, int>> items) {
    json body{{"customer_id", 1}, {"items", json::array()}};
    for (const auto& [product, quantity] : items)
        body["items"].push_back({{"product_id", product}, {"quantity", quantity}});
    return body.dump();
}

std::size_t files() {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {}));
}

// -- The seed's flow ---------------------------------------------------------------------------------------

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
    EXPECT_TRUE(shop.logged("the confirmation of order 4 was sent after all"));
    const auto looks = shop.order.requests();
    shop.look_after();
    shop.look_after();
    EXPECT_LE(shop.order.requests(), looks + 2) << "one last look of its own, and one of this test's";
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

// -- Half-way ----------------------------------------------------------------------------------------------

TEST(orders_flow, when_the_order_cannot_be_created_the_stock_is_given_back) {
    shop_under_test shop;
    shop.order.answers("POST /orders", 500, R"({"detail":"No more paper"})");
    const auto failed = shop.place_order(order_of({{1, 5}, {2, 5}}));
    EXPECT_EQ(failed.status, 500);
    EXPECT_EQ(shop.detail(failed), "No more paper");
    EXPECT_EQ(shop.stock(1), 100'000);
    EXPECT_EQ(shop.stock(2), 500);
}

TEST(orders_flow, when_the_second_product_is_sold_out_meanwhile_the_first_is_given_back) {
    shop_under_test shop;
    orders::product_service scarce{orders::open_database("sqlite://")};
    auto all = scarce.routes();
    // Says that they are there; another customer is quicker.
    all.insert_or_assign("GET /products/{id}/stock",
                         [](const request&) { return response{200, R"({"available":true})"}; });
    shop.product.become(all);
    const auto failed = shop.place_order(order_of({{1, 1}, {3, 4}}));
    EXPECT_EQ(failed.status, 400);
    EXPECT_EQ(shop.detail(failed), "Product 3 insufficient stock");
    const json products = json::parse(get(shop.product.port(), "/products").body);
    EXPECT_EQ(products[0]["stock"], 100'000);
    EXPECT_EQ(products[2]["stock"], 3);
    EXPECT_TRUE(shop.log.back().starts_with("undone: DELETE product/products/1/stock/") ||
                shop.log.back().starts_with("undone: DELETE product/products/3/stock/"));
    shop.product.stop();
}

TEST(orders_flow, two_customers_cannot_have_the_same_pen) {
    const shop_under_test shop;
    const std::string last_three = order_of({{1, 1}, {3, 3}});
    auto one = std::async(std::launch::async, [&] { return shop.place_order(last_three); });
    auto another = std::async(std::launch::async, [&] { return shop.place_order(last_three); });
    EXPECT_EQ(one.get().status + another.get().status, 200 + 400);
    EXPECT_EQ(shop.stock(3), 0);
    EXPECT_EQ(shop.stock(1), 99'999);
}

TEST(orders_flow, stock_that_cannot_be_given_back_now_is_given_back_later) {
    shop_under_test shop;
    // The order-service takes the product-service down with it.
    std::atomic<bool> asked{false};
    std::atomic<bool> held{true};
    const auto create = [&](const request&) -> net::awaitable<response> {
        asked = true;
        co_await wait_while(held);
        co_return response{500, "{}"};
    };
    shop.order.become({{"POST /orders", create}});
    auto placing = std::async(std::launch::async, [&] { return shop.place_order(order_of({{2, 5}})); });
    ASSERT_TRUE(eventually([&] { return asked.load(); }));
    EXPECT_EQ(shop.stock(2), 495);
    shop.product.stop();
    held = false;
    EXPECT_EQ(placing.get().status, 500);
    shop.product.start();
    EXPECT_EQ(shop.stock(2), 495) << "nobody could be told";
    shop.order.start();
    shop.look_after();
    EXPECT_EQ(shop.stock(2), 500);
    shop.look_after();
    EXPECT_EQ(shop.stock(2), 500) << "once";
}

TEST(orders_flow, an_order_whose_creation_was_not_heard_of_is_cancelled) {
    shop_under_test shop;
    // It writes the order, and then cannot say so.
    orders::order_service writing{orders::open_database("sqlite://")};
    auto all = writing.routes();
    const auto create = *all.at("POST /orders").as_coroutine();
    std::string written;
    all.insert_or_assign("POST /orders", [&, create](const request& asked) -> net::awaitable<response> {
        auto running = create(asked);
        const auto answer = co_await std::move(running);
        written = answer.body;
        co_return response{500, "{}"};
    });
    shop.order.become(all);
    EXPECT_EQ(shop.place_order().status, 500);
    EXPECT_EQ(json::parse(written)["status"], "created");
    EXPECT_EQ(json::parse(get(shop.order.port(), "/orders/1").body)["status"], "cancelled");
    EXPECT_EQ(shop.outbox(), json::array()) << "and nobody thanks for it";
    EXPECT_EQ(shop.stock(1), 100'000);
    shop.order.stop();
}

TEST(orders_flow, a_client_that_hangs_up_half_way_leaves_no_half_order) {
    shop_under_test shop;
    std::atomic<bool> asked{false};
    std::atomic<bool> held{true};
    const auto create = [&](const request&) -> net::awaitable<response> {
        asked = true;
        co_await wait_while(held);
        co_return response{201, R"({"id":7})"};
    };
    const auto strike = [](const request&) { return response{200, "{}"}; };
    shop.order.become({{"POST /orders", create}, {"DELETE /outbox/{id}", strike}});
    const int impatient = dial(shop.port());
    const linger at_once{1, 0};
    ::setsockopt(impatient, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    const std::string question = "POST /ordering HTTP/1.1\r\nHost: t\r\n" + mai +
                                 "Content-Length: " + std::to_string(one_pen.size()) + "\r\n\r\n" + one_pen;
    ASSERT_EQ(::send(impatient, question.data(), question.size(), 0), static_cast<ssize_t>(question.size()));
    ASSERT_TRUE(eventually([&] { return asked.load(); }));
    const auto open = files();
    ::close(impatient);
    ASSERT_TRUE(eventually([&] { return files() <= open - 2; })) << "the server has noticed, and closed its end";
    held = false;
    EXPECT_TRUE(eventually([&] { return shop.mails().size() == 1; })) << "the order went on to its end";
}

TEST(orders_flow, a_cart_that_cannot_be_emptied_is_a_warning) {
    shop_under_test shop;
    shop.cart.stop();
    const auto placed = json::parse(shop.place_order().body);
    EXPECT_EQ(placed["status"], "success");
    EXPECT_TRUE(placed.value("warning", "").starts_with("The cart was not emptied: cart unreachable: "));
}

}  // namespace
