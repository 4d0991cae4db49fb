#include <orders/shop.hpp>

namespace orders {

namespace {

make_order_settings calling(make_order_settings s, const service_urls& started) {
    for (auto url : {&service_urls::auth, &service_urls::product, &service_urls::customer, &service_urls::cart,
                     &service_urls::order, &service_urls::notification})
        if ((s.urls.*url).empty()) s.urls.*url = started.*url;
    return s;
}

}  // namespace

shop_settings shop_settings::from(stage::environment& env) {
    const service_urls as_started{"", "", "", "", "", ""};
    return {.make_order = make_order_settings::from(env, as_started),
            .database_url = env.text("DATABASE_URL", "sqlite://")};
}

interruptible_server::interruptible_server(stage::event_loop& on, stage::command_line line, std::string service,
                                           stage::routes served)
    : loop_(on), line_(std::move(line)), service_(std::move(service)), routes_(std::move(served)) {
    start();
    line_.ports[service_] = server_->port();
}

void interruptible_server::start() {
    server_.emplace(stage::listen(loop_, line_, service_, routes_));
}

shop::shop(const stage::command_line& line, shop_settings config, guarded_services::log_sink log)
    : line_(line),
      customer_(open_database(config.database_url)),
      product_(open_database(config.database_url)),
      cart_(open_database(config.database_url)),
      order_(open_database(config.database_url)),
      auth_server_(stage::listen(loop_, line_, "auth-service", auth_.routes())),
      customer_server_(stage::listen(loop_, line_, "customer-service", customer_.routes())),
      product_server_(loop_, line_, "product-service", product_.routes()),
      cart_server_(stage::listen(loop_, line_, "cart-service", cart_.routes())),
      order_server_(stage::listen(loop_, line_, "order-service", order_.routes())),
      notification_server_(loop_, line_, "notification-service", notification_.routes()),
      where_{.auth = url_of(auth_server_.port()),
             .product = url_of(product_server_.port()),
             .customer = url_of(customer_server_.port()),
             .cart = url_of(cart_server_.port()),
             .order = url_of(order_server_.port()),
             .notification = url_of(notification_server_.port())},
      make_order_(loop_.io().get_executor(), calling(std::move(config.make_order), where_), log),
      make_order_server_(stage::listen(loop_, line_, "make-order-service", make_order_.routes())),
      looking_after_(loop_, look_after_every, [this] { return make_order_.tie_up_loose_ends(); }) {}

std::string shop::address() const {
    return url_of(make_order_server_.port());
}

std::string shop::url_of(std::uint16_t port) const {
    return stage::address_of(line_.address, port);
}

}  // namespace orders
