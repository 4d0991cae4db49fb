#include <orders/order_service.hpp>

#include <orders/json_body.hpp>
#include <orders/order_request.hpp>

#include <fmt/format.h>

namespace orders {

using boost::asio::awaitable;

namespace {

std::unique_ptr<sql_database> with_orders(std::unique_ptr<sql_database> db) {
    make_orders(*db);
    return db;
}

}  // namespace

order_service::order_service(std::unique_ptr<sql_database> database) : database_(with_orders(std::move(database))) {}

stage::routes order_service::routes() {
    return {
        {"GET /health", [](const request&) { return healthy(); }},
        {"POST /orders", [this](const request& asked) { return create(asked.body); }},
        {"GET /orders/{id}", [this](const request& asked) { return find(id_of(asked)); }},
        {"DELETE /orders/keys/{key}",
         [this](const request& asked) { return cancel(std::string(asked.parameter("key"))); }},
        {"GET /outbox", [this](const request&) { return to_confirm(); }},
        {"DELETE /outbox/{id}", [this](const request& asked) { return confirm(id_of(asked)); }},
    };
}

awaitable<response> order_service::create(std::string body) {
    const auto object = read_object(body);
    if (!object) co_return detail(422, object.error());
    auto wanted = read_order(*object);
    if (!wanted) co_return detail(422, wanted.error());
    const auto key = read_text(*object, "order_key", fresh_key());
    if (!key) co_return detail(422, key.error());
    const auto confirm_to = read_text(*object, "confirm_to", "");
    if (!confirm_to) co_return detail(422, confirm_to.error());
    wanted->key = *key;
    const auto keep = [wanted = *wanted, to = *confirm_to](sql_database& db) { return create_order(db, wanted, to); };
    const auto kept = co_await database_.run(keep);
    if (!kept) co_return detail(503, kept.error());
    if (!kept->has_value()) co_return detail(409, "This order was given up");
    const json created = to_json(**kept);
    co_return answer(201, created);
}

awaitable<response> order_service::find(std::int64_t id) {
    const auto by_id = [id](sql_database& db) { return find_order(db, id); };
    const auto found = co_await database_.run(by_id);
    if (!found) co_return detail(503, found.error());
    if (!found->has_value()) co_return detail(404, fmt::format("Order {} not found", id));
    const json known = to_json(**found);
    co_return answer(200, known);
}

awaitable<response> order_service::cancel(std::string key) {
    const auto give_up = [key](sql_database& db) { return cancel_order(db, key); };
    const auto cancelled = co_await database_.run(give_up);
    if (!cancelled) co_return detail(503, cancelled.error());
    const json done{{"cancelled", *cancelled}};
    co_return answer(200, done);
}

awaitable<response> order_service::to_confirm() {
    const auto waiting = co_await database_.run(outbox);
    if (!waiting) co_return detail(503, waiting.error());
    json all = json::array();
    for (const auto& c : *waiting) all.push_back(json{{"order_id", c.order_id}, {"to", c.to}});
    co_return answer(200, all);
}

awaitable<response> order_service::confirm(std::int64_t id) {
    const auto strike = [id](sql_database& db) { return confirmed(db, id); };
    const auto struck = co_await database_.run(strike);
    if (!struck) co_return detail(503, struck.error());
    const json done{{"order_id", id}, {"was_waiting", *struck}};
    co_return answer(200, done);
}

}  // namespace orders
