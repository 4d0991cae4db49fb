// What becomes of an order of the orders demo when a service fails half-way.
#include "orders_fixture.hpp"

#include <filesystem>
#include <future>

namespace {

using namespace e2e;

std::size_t files() {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {}));
}

TEST(orders_half_way, when_the_order_cannot_be_created_the_stock_is_given_back) {
    shop_under_test shop;
    shop.order.answers("POST /orders", 500, R"({"detail":"No more paper"})");
    const auto failed = shop.place_order(order_of({{1, 5}, {2, 5}}));
    EXPECT_EQ(failed.status, 500);
    EXPECT_EQ(shop.detail(failed), "No more paper");
    EXPECT_EQ(shop.stock(1), 100'000);
    EXPECT_EQ(shop.stock(2), 500);
}

// What the service said is not what our breaker says in its stead: then it was called, and may have done it.
TEST(orders_half_way, stock_of_which_nobody_knows_whether_it_was_taken_is_given_back) {
    for (const int status : {500, 503}) {
        shop_under_test shop;
        orders::product_service taking{orders::open_database("sqlite://")};
        auto all = taking.routes();
        const auto take = *all.at("PUT /products/{id}/stock").as_coroutine();
        all.insert_or_assign("PUT /products/{id}/stock", [&, take](const request& asked) -> net::awaitable<response> {
            auto running = take(asked);
            const auto taken = co_await std::move(running);
            EXPECT_EQ(taken.status, 200);
            co_return response{status, R"({"detail":"Overloaded"})"};
        });
        shop.product.become(all);
        const auto failed = shop.place_order();
        EXPECT_EQ(failed.status, status);
        EXPECT_EQ(shop.detail(failed), "Overloaded");
        EXPECT_EQ(shop.stock(1), 100'000) << status;
        EXPECT_EQ(shop.order.requests(), 0u);
        shop.product.stop();
    }
}

TEST(orders_half_way, what_a_customer_or_an_order_looks_like_is_checked_before_it_is_needed) {
    shop_under_test shop;
    shop.customer.answers("GET /customers/{id}", 200, R"({"id":1,"email":7})");
    const auto refused = shop.place_order();
    EXPECT_EQ(refused.status, 502);
    EXPECT_EQ(shop.detail(refused), "customer answered an email that is no text");
    EXPECT_EQ(shop.product.requests(), 0u);

    shop.customer.answers("GET /customers/{id}", 200, R"({"id":1,"email":null})");
    EXPECT_EQ(shop.place_order().body,
              R"({"status":"success","order":{"id":1,"customer_id":1,"items":[{"product_id":1,"quantity":1}],)"
              R"("payment_method":"COD","status":"created"}})");
    EXPECT_EQ(shop.mails(), json::array()) << "without an address there is no confirmation";

    shop.customer.start();
    shop.order.answers("POST /orders", 201, R"({"id":{}})");
    const auto without_id = shop.place_order();
    EXPECT_EQ(without_id.status, 502);
    EXPECT_EQ(shop.detail(without_id), "order answered without an id");
    EXPECT_EQ(shop.stock(1), 99'999) << "given back";
}

TEST(orders_half_way, when_the_second_product_is_sold_out_meanwhile_the_first_is_given_back) {
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

TEST(orders_half_way, two_customers_cannot_have_the_same_pen) {
    const shop_under_test shop;
    const std::string last_three = order_of({{1, 1}, {3, 3}});
    auto one = std::async(std::launch::async, [&] { return shop.place_order(last_three); });
    auto another = std::async(std::launch::async, [&] { return shop.place_order(last_three); });
    EXPECT_EQ(one.get().status + another.get().status, 200 + 400);
    EXPECT_EQ(shop.stock(3), 0);
    EXPECT_EQ(shop.stock(1), 99'999);
}

TEST(orders_half_way, stock_that_cannot_be_given_back_now_is_given_back_later) {
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

TEST(orders_half_way, an_order_whose_creation_was_not_heard_of_is_cancelled) {
    for (const int status : {500, 503}) {
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
            co_return response{status, "{}"};
        });
        shop.order.become(all);
        EXPECT_EQ(shop.place_order().status, status);
        EXPECT_EQ(json::parse(written)["status"], "created");
        EXPECT_EQ(json::parse(get(shop.order.port(), "/orders/1").body)["status"], "cancelled") << status;
        EXPECT_EQ(shop.outbox(), json::array()) << "and nobody thanks for it";
        EXPECT_EQ(shop.stock(1), 100'000);
        shop.order.stop();
    }
}

TEST(orders_half_way, a_client_that_hangs_up_half_way_leaves_no_half_order) {
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

TEST(orders_half_way, a_cart_that_cannot_be_emptied_is_a_warning) {
    shop_under_test shop;
    shop.cart.stop();
    const auto placed = json::parse(shop.place_order().body);
    EXPECT_EQ(placed["status"], "success");
    EXPECT_TRUE(placed.value("warning", "").starts_with("The cart was not emptied: cart unreachable: "));
}

}  // namespace
