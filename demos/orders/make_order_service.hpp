// Takes orders, and calls the six services that they need.
//
//   POST /ordering      {"customer_id":1,"items":[{"product_id":1,"quantity":2}]} with "Authorization: Bearer <token>":
//                       200 {"status":"success","order":…}, with a "warning" if something is left for later
//   GET  /circuits      {"product":{"name":"product-breaker","current_state":"open","fail_counter":3,…},…}
//   GET  /metrics       the breakers, for Prometheus
//   GET  /              the page; its form posts to /place-order, for the demo's first customer, and is sent on (303)
//                       to /placed/{key}: to load that again orders nothing
//   GET  /health        200, whatever the circuits
//
// For one thread, that of `on`, but for circuits().
#pragma once

#include <orders/make_order_page.hpp>
#include <orders/ordering.hpp>

#include <deque>
#include <utility>

namespace orders {

struct make_order_settings {
    breaker_settings breakers{};
    service_urls urls{};

    // As the two say; `urls` are where the services are when the environment does not say.
    static make_order_settings from(stage::environment& env, const service_urls& urls = {});
};

class make_order_service {
public:
    // `clock` is the breakers', for tests; null is the system's.
    make_order_service(
        boost::asio::any_io_executor on, make_order_settings settings,
        guarded_services::log_sink log = [](const std::string&) {}, const fusebox::monotonic_clock* clock = nullptr);

    stage::routes routes();
    // To be awaited again and again, or nothing left for later is done.
    boost::asio::awaitable<void> tie_up_loose_ends() { return later_.round(); }
    guarded_services& circuits() { return services_; }
    const loose_ends& left_for_later() const { return later_; }

private:
    boost::asio::awaitable<response> place(const request& asked);
    boost::asio::awaitable<response> place_from_form(const request& asked);
    response introspection() const;
    response remember(const response& placed);
    response show_placed(const request& asked) const;
    response page(const request& asked, std::optional<placing> placed) const;

    const service_urls urls_;
    guarded_services services_;
    loose_ends later_;
    ordering ordering_;
    std::deque<std::pair<std::string, placing>> placed_;  // from the form, by key
};

}  // namespace orders
