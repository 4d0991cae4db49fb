// What customers have put aside to order, in a database.
//
//   GET    /customers/{id}/cart                                      200 {"items":[{"product_id":1,"quantity":2}]}
//   POST   /customers/{id}/cart   {"product_id":1,"quantity":2}      201; in place of what there was of that product
//   DELETE /customers/{id}/cart                                      200; the cart is empty
#pragma once

#include <orders/database_thread.hpp>
#include <stage/server.hpp>

namespace orders {

class cart_service {
public:
    // Makes its table; throws database_error.
    explicit cart_service(std::unique_ptr<sql_database> database);

    stage::routes routes();

private:
    boost::asio::awaitable<stage::response> show(std::int64_t customer);
    boost::asio::awaitable<stage::response> put(std::int64_t customer, std::string body);
    boost::asio::awaitable<stage::response> empty(std::int64_t customer);

    database_thread database_;
};

}  // namespace orders
