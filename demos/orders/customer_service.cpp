#include <orders/customer_service.hpp>

#include <orders/demo_data.hpp>
#include <orders/json_body.hpp>

#include <fmt/format.h>

namespace orders {

namespace {

std::unique_ptr<sql_database> with_customers(std::unique_ptr<sql_database> db) {
    db->run("CREATE TABLE IF NOT EXISTS customers (id BIGINT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL)");
    for (const auto& c : demo_data::customers)
        db->run("INSERT INTO customers (id, name, email) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
                {c.id, c.name, c.email});
    return db;
}

}  // namespace

customer_service::customer_service(std::unique_ptr<sql_database> database)
    : database_(with_customers(std::move(database))) {}

stage::routes customer_service::routes() {
    return {
        {"GET /health", [](const request&) { return healthy(); }},
        {"GET /customers/{id}", [this](const request& asked) { return find(id_of(asked)); }},
    };
}

boost::asio::awaitable<response> customer_service::find(std::int64_t id) {
    const auto by_id = [id](sql_database& db) {
        return db.run("SELECT id, name, email FROM customers WHERE id = $1", {id});
    };
    const auto found = co_await database_.run(by_id);
    if (!found) co_return detail(503, found.error());
    if (found->empty()) co_return detail(404, fmt::format("Customer {} not found", id));
    const row& c = found->front();
    const json customer{{"id", c.number(0)}, {"name", c.text(1)}, {"email", c.text(2)}};
    co_return answer(200, customer);
}

}  // namespace orders
