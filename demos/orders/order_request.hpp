// The body of POST /ordering, and of POST /orders, read strictly. Stateless.
#pragma once

#include <orders/json_body.hpp>
#include <orders/order_store.hpp>

namespace orders {

// A key that no other order has.
std::string fresh_key();

// customer_id, items and payment_method ("COD" unless given); a product that is named twice is added up. Otherwise a
// sentence that says what is wrong: "items[1].quantity must be a whole number from 1 to 1000000, not -2".
std::expected<order, std::string> read_order(const json& body);

json to_json(const order& o);
json to_json(const std::vector<order_item>& items);

}  // namespace orders
