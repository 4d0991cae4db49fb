#include <orders/order_store.hpp>

namespace orders {

namespace {

std::optional<order> order_in(sql_database& db, const std::vector<row>& found) {
    if (found.empty()) return std::nullopt;
    const row& r = found.front();
    order o{.id = r.number(0),
            .key = r.text(1),
            .customer_id = r.number(2),
            .payment_method = r.text(3),
            .status = r.text(4)};
    const auto items =
        db.run("SELECT product_id, quantity FROM order_items WHERE order_id = $1 ORDER BY product_id", {o.id});
    for (const row& i : items) o.items.push_back({i.number(0), i.number(1)});
    return o;
}

std::optional<order> find_by_key(sql_database& db, const std::string& key) {
    return order_in(
        db,
        db.run("SELECT id, order_key, customer_id, payment_method, status FROM orders WHERE order_key = $1", {key}));
}

std::optional<order> create_once(sql_database& db, order wanted, const std::string& confirm_to) {
    if (auto before = find_by_key(db, wanted.key)) {
        if (before->status == "cancelled") return std::nullopt;
        return before;
    }
    wanted.status = "created";
    wanted.id = db.run(
                      "INSERT INTO orders (order_key, customer_id, payment_method, status) VALUES ($1, $2, $3, $4) "
                      "RETURNING id",
                      {wanted.key, wanted.customer_id, wanted.payment_method, wanted.status})
                    .front()
                    .number(0);
    for (const auto& i : wanted.items)
        db.run("INSERT INTO order_items (order_id, product_id, quantity) VALUES ($1, $2, $3)",
               {wanted.id, i.product_id, i.quantity});
    if (!confirm_to.empty())
        db.run("INSERT INTO outbox (order_id, recipient) VALUES ($1, $2)", {wanted.id, confirm_to});
    return wanted;
}

bool cancel_once(sql_database& db, const std::string& key) {
    const auto cancelled = db.run(
        "UPDATE orders SET status = 'cancelled' WHERE order_key = $1 AND status = 'created' RETURNING id", {key});
    if (!cancelled.empty()) {
        db.run("DELETE FROM outbox WHERE order_id = $1", {cancelled.front().number(0)});
        return true;
    }
    db.run(
        "INSERT INTO orders (order_key, customer_id, payment_method, status) VALUES ($1, 0, '', 'cancelled') "
        "ON CONFLICT (order_key) DO NOTHING",
        {key});
    return false;
}

}  // namespace

void make_orders(sql_database& db) {
    db.run("CREATE TABLE IF NOT EXISTS orders (id " + std::string(db.dialect().numbering) +
           " PRIMARY KEY, order_key TEXT NOT NULL UNIQUE, customer_id BIGINT NOT NULL, "
           "payment_method TEXT NOT NULL, status TEXT NOT NULL)");
    db.run(
        "CREATE TABLE IF NOT EXISTS order_items (order_id BIGINT NOT NULL, product_id BIGINT NOT NULL, "
        "quantity BIGINT NOT NULL, PRIMARY KEY (order_id, product_id))");
    db.run("CREATE TABLE IF NOT EXISTS outbox (order_id BIGINT PRIMARY KEY, recipient TEXT NOT NULL)");
}

std::optional<order> create_order(sql_database& db, const order& wanted, const std::string& confirm_to) {
    return db.transaction([&] { return create_once(db, wanted, confirm_to); });
}

std::optional<order> find_order(sql_database& db, std::int64_t id) {
    return order_in(
        db, db.run("SELECT id, order_key, customer_id, payment_method, status FROM orders WHERE id = $1", {id}));
}

bool cancel_order(sql_database& db, const std::string& key) {
    return db.transaction([&] { return cancel_once(db, key); });
}

std::vector<confirmation> outbox(sql_database& db) {
    std::vector<confirmation> waiting;
    for (const row& r : db.run("SELECT order_id, recipient FROM outbox ORDER BY order_id LIMIT 100"))
        waiting.push_back({r.number(0), r.text(1)});
    return waiting;
}

bool confirmed(sql_database& db, std::int64_t order_id) {
    return !db.run("DELETE FROM outbox WHERE order_id = $1 RETURNING order_id", {order_id}).empty();
}

}  // namespace orders
