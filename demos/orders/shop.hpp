// The seven services in one process, wired to each other, with outages of two of them at hand. For one thread, but for
// what they do by themselves.
#pragma once

#include <orders/auth_service.hpp>
#include <orders/cart_service.hpp>
#include <orders/customer_service.hpp>
#include <orders/make_order_service.hpp>
#include <orders/notification_service.hpp>
#include <orders/order_service.hpp>
#include <orders/product_service.hpp>
#include <stage/command_line.hpp>

#include <optional>

namespace orders {

// How often what was left for later is looked after.
inline constexpr fusebox::duration look_after_every = std::chrono::seconds{1};

struct shop_settings {
    make_order_settings make_order{};  // an empty URL means: as started
    std::string database_url = "sqlite://";

    static shop_settings from(stage::environment& env);
};

// One that can be stopped, and started again at the same address.
class interruptible_server {
public:
    // Throws stage::cannot_listen.
    interruptible_server(stage::event_loop& on, stage::command_line line, std::string service, stage::routes served);

    bool runs() const { return server_.has_value(); }
    std::uint16_t port() const { return line_.port(service_); }
    void stop() { server_.reset(); }
    void start();  // throws stage::cannot_listen

private:
    stage::event_loop& loop_;
    stage::command_line line_;
    const std::string service_;
    const stage::routes routes_;
    std::optional<stage::server> server_;
};

class shop {
public:
    // Throws stage::cannot_listen, and database_error.
    shop(const stage::command_line& line, shop_settings config, guarded_services::log_sink log);

    std::string address() const;  // of the make-order-service
    const service_urls& where() const { return where_; }
    stage::event_loop& loop() { return loop_; }
    interruptible_server& product() { return product_server_; }
    interruptible_server& notification() { return notification_server_; }
    make_order_service& make_order() { return make_order_; }

private:
    std::string url_of(std::uint16_t port) const;

    // In the order of their calls: who calls is stopped before who is called.
    stage::event_loop loop_;
    const stage::command_line line_;
    auth_service auth_;
    customer_service customer_;
    product_service product_;
    cart_service cart_;
    order_service order_;
    notification_service notification_;
    stage::server auth_server_;
    stage::server customer_server_;
    interruptible_server product_server_;
    stage::server cart_server_;
    stage::server order_server_;
    interruptible_server notification_server_;
    service_urls where_;
    make_order_service make_order_;
    stage::server make_order_server_;
    stage::repetition looking_after_;
};

}  // namespace orders
