#include <orders/cart_service.hpp>

#include <orders/json_body.hpp>

#include <fmt/format.h>

namespace orders {

using boost::asio::awaitable;

namespace {

std::unique_ptr<sql_database> with_carts(std::unique_ptr<sql_database> db) {
    db->run(
        "CREATE TABLE IF NOT EXISTS cart_items (customer_id BIGINT NOT NULL, product_id BIGINT NOT NULL, "
        "quantity BIGINT NOT NULL, PRIMARY KEY (customer_id, product_id))");
    return db;
}

response nobodys_cart() {
    return detail(422, fmt::format("a customer's id must be a whole number from 1 to {}", any_id));
}

}  // namespace

cart_service::cart_service(std::unique_ptr<sql_database> database) : database_(with_carts(std::move(database))) {}

stage::routes cart_service::routes() {
    return {
        {"GET /health", [](const request&) { return healthy(); }},
        {"GET /customers/{id}/cart", [this](const request& asked) { return show(id_of(asked)); }},
        {"POST /customers/{id}/cart", [this](const request& asked) { return put(id_of(asked), asked.body); }},
        {"DELETE /customers/{id}/cart", [this](const request& asked) { return empty(id_of(asked)); }},
    };
}

awaitable<response> cart_service::show(std::int64_t customer) {
    if (customer == 0) co_return nobodys_cart();
    const auto of_customer = [customer](sql_database& db) {
        return db.run("SELECT product_id, quantity FROM cart_items WHERE customer_id = $1 ORDER BY product_id",
                      {customer});
    };
    const auto found = co_await database_.run(of_customer);
    if (!found) co_return detail(503, found.error());
    json items = json::array();
    for (const row& r : *found) items.push_back(json{{"product_id", r.number(0)}, {"quantity", r.number(1)}});
    const json cart{{"items", items}};
    co_return answer(200, cart);
}

awaitable<response> cart_service::put(std::int64_t customer, std::string body) {
    if (customer == 0) co_return nobodys_cart();
    const auto item = read_object(body);
    if (!item) co_return detail(422, item.error());
    const auto product = read_number(*item, "product_id", any_id);
    if (!product) co_return detail(422, product.error());
    const auto quantity = read_number(*item, "quantity", most_pieces);
    if (!quantity) co_return detail(422, quantity.error());
    const auto keep = [customer, product = *product, quantity = *quantity](sql_database& db) {
        return db.run(
            "INSERT INTO cart_items (customer_id, product_id, quantity) VALUES ($1, $2, $3) "
            "ON CONFLICT (customer_id, product_id) DO UPDATE SET quantity = excluded.quantity",
            {customer, product, quantity});
    };
    const auto kept = co_await database_.run(keep);
    if (!kept) co_return detail(503, kept.error());
    co_return answer(201, *item);
}

awaitable<response> cart_service::empty(std::int64_t customer) {
    if (customer == 0) co_return nobodys_cart();
    const auto clear = [customer](sql_database& db) {
        return db.run("DELETE FROM cart_items WHERE customer_id = $1", {customer});
    };
    const auto cleared = co_await database_.run(clear);
    if (!cleared) co_return detail(503, cleared.error());
    const json nothing{{"items", json::array()}};
    co_return answer(200, nothing);
}

}  // namespace orders
