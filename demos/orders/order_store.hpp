// The orders, in a database, and the outbox: confirmations that are still to be sent. An order and its place in the
// outbox are written in one transaction, so that neither is ever there without the other.
//
// An order is created once for each key, however often it is asked for, and never after it was cancelled; see stock.hpp
// for why.
//
// Functions that block, for a database_thread; they throw database_error.
#pragma once

#include <orders/sql_database.hpp>

#include <optional>

namespace orders {

struct order_item {
    std::int64_t product_id = 0;
    std::int64_t quantity = 0;
};

struct order {
    std::int64_t id = 0;  // given by the database
    std::string key{};
    std::int64_t customer_id = 0;
    std::string payment_method{};
    std::string status{};  // created or cancelled
    std::vector<order_item> items{};
};

struct confirmation {
    std::int64_t order_id = 0;
    std::string to{};
};

void make_orders(sql_database& db);
// With a place in the outbox unless `confirm_to` is empty. Nothing when the key was cancelled.
std::optional<order> create_order(sql_database& db, const order& wanted, const std::string& confirm_to);
std::optional<order> find_order(sql_database& db, std::int64_t id);
// Its confirmation is not to be sent either. Returns whether there was an order.
bool cancel_order(sql_database& db, const std::string& key);
// The oldest ones, a hundred at most.
std::vector<confirmation> outbox(sql_database& db);
// Whether it was in the outbox.
bool confirmed(sql_database& db, std::int64_t order_id);

}  // namespace orders
