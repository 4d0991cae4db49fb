#include <orders/product_service.hpp>

#include <orders/json_body.hpp>
#include <orders/stock.hpp>

#include <fmt/format.h>

#include <charconv>

namespace orders {

using boost::asio::awaitable;

namespace {

std::unique_ptr<sql_database> with_stock(std::unique_ptr<sql_database> db) {
    make_stock(*db);
    return db;
}

std::int64_t quantity_of(const request& asked) {
    const std::string text = asked.query("quantity").value_or("1");
    std::int64_t quantity = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), quantity);
    return failed == std::errc{} && end == text.data() + text.size() ? quantity : 0;
}

response no_product(std::int64_t id) {
    return detail(404, fmt::format("Product {} not found", id));
}

}  // namespace

product_service::product_service(std::unique_ptr<sql_database> database) : database_(with_stock(std::move(database))) {}

stage::routes product_service::routes() {
    return {
        {"GET /health", [](const request&) { return healthy(); }},
        {"GET /products", [this](const request&) { return list(); }},
        {"GET /products/{id}/stock", [this](const request& asked) { return stock(id_of(asked), quantity_of(asked)); }},
        {"PUT /products/{id}/stock", [this](const request& asked) { return take(id_of(asked), asked.body); }},
        {"DELETE /products/{id}/stock/{order_key}",
         [this](const request& asked) { return give_back(id_of(asked), std::string(asked.parameter("order_key"))); }},
    };
}

awaitable<response> product_service::list() {
    const auto products = co_await database_.run(all_products);
    if (!products) co_return detail(503, products.error());
    json all = json::array();
    for (const auto& p : *products) all.push_back(json{{"id", p.id}, {"name", p.name}, {"stock", p.stock}});
    co_return answer(200, all);
}

awaitable<response> product_service::stock(std::int64_t id, std::int64_t quantity) {
    if (quantity < 1 || quantity > most_pieces)
        co_return detail(422, fmt::format("quantity must be a whole number from 1 to {}", most_pieces));
    const auto by_id = [id](sql_database& db) { return find_product(db, id); };
    const auto found = co_await database_.run(by_id);
    if (!found) co_return detail(503, found.error());
    const auto& product = *found;
    if (!product) co_return no_product(id);
    const json known{{"product_id", id}, {"stock", product->stock}, {"available", product->stock >= quantity}};
    co_return answer(200, known);
}

awaitable<response> product_service::take(std::int64_t id, std::string body) {
    const auto wish = read_object(body);
    if (!wish) co_return detail(422, wish.error());
    const auto quantity = read_number(*wish, "quantity", most_pieces);
    if (!quantity) co_return detail(422, quantity.error());
    const auto key = read_text(*wish, "order_key", "");
    if (!key) co_return detail(422, key.error());
    const auto take = [id, quantity = *quantity, key = *key](sql_database& db) {
        return take_stock(db, id, quantity, key);
    };
    const auto taken = co_await database_.run(take);
    if (!taken) co_return detail(503, taken.error());
    switch (*taken) {
        case taking::no_such_product: co_return no_product(id);
        case taking::not_enough: co_return detail(400, fmt::format("Product {} insufficient stock", id));
        case taking::given_back_already: co_return detail(409, "This order was given up");
        case taking::done: break;
    }
    const json done{{"product_id", id}, {"quantity", *quantity}};
    co_return answer(200, done);
}

awaitable<response> product_service::give_back(std::int64_t id, std::string order_key) {
    const auto give = [id, order_key](sql_database& db) { return give_back_stock(db, id, order_key); };
    const auto given = co_await database_.run(give);
    if (!given) co_return detail(503, given.error());
    const json done{{"product_id", id}, {"quantity", *given}};
    co_return answer(200, done);
}

}  // namespace orders
