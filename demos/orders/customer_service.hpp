// The customers, in a database.
//
//   GET /customers/{id}   200 {"id":1,"name":…,"email":…}, or 404
#pragma once

#include <orders/database_thread.hpp>
#include <stage/server.hpp>

namespace orders {

class customer_service {
public:
    // Makes its table, and the demo's customers if they are missing; throws database_error.
    explicit customer_service(std::unique_ptr<sql_database> database);

    stage::routes routes();

private:
    boost::asio::awaitable<stage::response> find(std::int64_t id);

    database_thread database_;
};

}  // namespace orders
