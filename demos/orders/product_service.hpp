// The products and their stock.
//
//   GET    /products                            200, all of them
//   GET    /products/{id}/stock?quantity=n      200 {"product_id":1,"stock":500,"available":true}, or 404
//   PUT    /products/{id}/stock                 {"quantity":n}: takes n; with "order_key" only once, see stock.hpp
//   DELETE /products/{id}/stock/{order_key}     gives back what that order took
#pragma once

#include <orders/database_thread.hpp>
#include <stage/server.hpp>

namespace orders {

class product_service {
public:
    // Makes its tables, and the demo's products if they are missing; throws database_error.
    explicit product_service(std::unique_ptr<sql_database> database);

    stage::routes routes();

private:
    boost::asio::awaitable<stage::response> list();
    boost::asio::awaitable<stage::response> stock(std::int64_t id, std::int64_t quantity);
    boost::asio::awaitable<stage::response> take(std::int64_t id, std::string body);
    boost::asio::awaitable<stage::response> give_back(std::int64_t id, std::string order_key);

    database_thread database_;
};

}  // namespace orders
