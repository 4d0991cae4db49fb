#include <orders/stock.hpp>

#include <orders/demo_data.hpp>

namespace orders {

namespace {

product product_in(const row& r) {
    return {.id = r.number(0), .name = r.text(1), .stock = r.number(2)};
}

taking take_once(sql_database& db, std::int64_t product, std::int64_t quantity, const std::string& order_key) {
    const auto before =
        db.run("SELECT given_back FROM stock_taken WHERE order_key = $1 AND product_id = $2", {order_key, product});
    if (!before.empty()) return before.front().number(0) == 0 ? taking::done : taking::given_back_already;
    // One statement looks and takes: nobody comes between.
    const auto left = db.run("UPDATE products SET stock = stock - $1 WHERE id = $2 AND stock >= $3 RETURNING stock",
                             {quantity, product, quantity});
    if (left.empty()) return find_product(db, product) ? taking::not_enough : taking::no_such_product;
    if (!order_key.empty())
        db.run("INSERT INTO stock_taken (order_key, product_id, quantity, given_back) VALUES ($1, $2, $3, 0)",
               {order_key, product, quantity});
    return taking::done;
}

std::int64_t give_back_once(sql_database& db, std::int64_t product, const std::string& order_key) {
    const auto taken = db.run(
        "UPDATE stock_taken SET given_back = 1 WHERE order_key = $1 AND product_id = $2 AND given_back = 0 "
        "RETURNING quantity",
        {order_key, product});
    if (taken.empty()) {
        db.run(
            "INSERT INTO stock_taken (order_key, product_id, quantity, given_back) VALUES ($1, $2, 0, 1) "
            "ON CONFLICT (order_key, product_id) DO NOTHING",
            {order_key, product});
        return 0;
    }
    const std::int64_t quantity = taken.front().number(0);
    db.run("UPDATE products SET stock = stock + $1 WHERE id = $2", {quantity, product});
    return quantity;
}

}  // namespace

void make_stock(sql_database& db) {
    db.run(
        "CREATE TABLE IF NOT EXISTS products (id BIGINT PRIMARY KEY, name TEXT NOT NULL, "
        "stock BIGINT NOT NULL CHECK (stock >= 0))");
    db.run(
        "CREATE TABLE IF NOT EXISTS stock_taken (order_key TEXT NOT NULL, product_id BIGINT NOT NULL, "
        "quantity BIGINT NOT NULL, given_back BIGINT NOT NULL, PRIMARY KEY (order_key, product_id))");
    for (const auto& p : demo_data::products)
        db.run("INSERT INTO products (id, name, stock) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
               {p.id, p.name, p.stock});
}

std::vector<product> all_products(sql_database& db) {
    std::vector<product> all;
    for (const row& r : db.run("SELECT id, name, stock FROM products ORDER BY id")) all.push_back(product_in(r));
    return all;
}

std::optional<product> find_product(sql_database& db, std::int64_t id) {
    const auto found = db.run("SELECT id, name, stock FROM products WHERE id = $1", {id});
    if (found.empty()) return std::nullopt;
    return product_in(found.front());
}

taking take_stock(sql_database& db, std::int64_t product, std::int64_t quantity, const std::string& order_key) {
    return db.transaction([&] { return take_once(db, product, quantity, order_key); });
}

std::int64_t give_back_stock(sql_database& db, std::int64_t product, const std::string& order_key) {
    return db.transaction([&] { return give_back_once(db, product, order_key); });
}

}  // namespace orders
