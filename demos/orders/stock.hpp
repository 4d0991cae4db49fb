// The products and how many there are of each, in a database; and which order took how many.
//
// An order names itself by a key. Taking twice under one key takes once, and what is given back once is not given back
// again, so that whoever did not hear an answer may simply ask again. A key that was given back takes nothing any
// more: a request that was held up on its way cannot undo what came after it.
//
// Functions that block, for a database_thread; they throw database_error.
#pragma once

#include <orders/sql_database.hpp>

#include <optional>

namespace orders {

struct product {
    std::int64_t id = 0;
    std::string name{};
    std::int64_t stock = 0;
};

enum class taking { done, no_such_product, not_enough, given_back_already };

// Makes the tables, and the demo's products if they are missing.
void make_stock(sql_database& db);
std::vector<product> all_products(sql_database& db);
std::optional<product> find_product(sql_database& db, std::int64_t id);
// An empty key is nobody's: such a taking cannot be given back.
taking take_stock(sql_database& db, std::int64_t product, std::int64_t quantity, const std::string& order_key);
// How many came back: 0 when there was nothing under this key, which from now on takes nothing.
std::int64_t give_back_stock(sql_database& db, std::int64_t product, const std::string& order_key);

}  // namespace orders
