// The orders, and the confirmations that are still to be sent.
//
//   POST   /orders               {"customer_id":1,"items":[…],"payment_method":"COD","order_key":…,"confirm_to":…}
//                                201 with the order; for the last two, which may be left out, see order_store.hpp
//   GET    /orders/{id}          200, or 404
//   DELETE /orders/keys/{key}    cancels the order with that key, be it created yet or not
//   GET    /outbox               200 [{"order_id":1,"to":…}]: confirmations to send
//   DELETE /outbox/{id}          that of order {id} was sent
#pragma once

#include <orders/database_thread.hpp>
#include <stage/server.hpp>

namespace orders {

class order_service {
public:
    // Makes its tables; throws database_error.
    explicit order_service(std::unique_ptr<sql_database> database);

    stage::routes routes();

private:
    boost::asio::awaitable<stage::response> create(std::string body);
    boost::asio::awaitable<stage::response> find(std::int64_t id);
    boost::asio::awaitable<stage::response> cancel(std::string key);
    boost::asio::awaitable<stage::response> to_confirm();
    boost::asio::awaitable<stage::response> confirm(std::int64_t id);

    database_thread database_;
};

}  // namespace orders
