// How an order is placed: six services, one after the other, each behind its circuit breaker.
//
//   1. auth          GET  /auth/validate               whose token it is
//   2. customer      GET  /customers/{id}
//   3. product       GET  /products/{id}/stock         is there enough of each?
//   4. product       PUT  /products/{id}/stock         takes it
//   5. order         POST /orders                      from here on there is an order
//   6. notification  POST /notifications/email         and, last of all,
//      cart          DELETE /customers/{id}/cart
//
// What fails before 5 fails the order, and gives back what was taken. What fails after it does not: the answer is a
// success with a warning, and the confirmation is sent later. From 4 on a client that hangs up changes nothing.
//
// For one thread, that of the services.
#pragma once

#include <orders/guarded_services.hpp>
#include <orders/loose_ends.hpp>
#include <orders/order_store.hpp>

#include <string>
#include <vector>

namespace orders {

class ordering {
public:
    ordering(guarded_services& services, const service_urls& urls, loose_ends& later);

    // `authorization` is the field of that name: "Bearer <token>".
    boost::asio::awaitable<response> place(order wanted, std::string authorization);

private:
    template <class T>
    using step = boost::asio::awaitable<std::expected<T, service_failure>>;
    using urls_member = std::string service_urls::*;

    step<json> ask(std::string service, urls_member where, std::string method, std::string path, request_options how,
                   int otherwise);
    step<bool> check_token(std::int64_t customer_id, std::string authorization);
    step<bool> check_stock(order_item item);
    step<bool> take_stock(const order& wanted, std::size_t& taken);
    step<json> create(const order& wanted, std::string confirm_to);
    boost::asio::awaitable<response> give_up(const order& wanted, std::size_t taken, bool perhaps_created,
                                             service_failure why);
    boost::asio::awaitable<response> finish(json created, std::int64_t customer_id, std::string email);

    guarded_services& services_;
    const service_urls& urls_;
    loose_ends& later_;
};

}  // namespace orders
