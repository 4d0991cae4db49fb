#include <orders/demo.hpp>

#include <orders/shop.hpp>
#include <orders/steady_customer.hpp>

#include <stage/circuit_log.hpp>
#include <stage/console.hpp>
#include <stage/transition_line.hpp>

#include <fmt/format.h>

#include <unistd.h>

namespace orders {

namespace {

constexpr auto order_every = std::chrono::seconds{1};

fusebox::subscription log_transitions(make_order_service& service, stage::console& screen) {
    return service.circuits().breakers().subscribe(
        [&screen](const fusebox::circuit_event& e) {
            screen.print(fmt::format("{}  {}", e.circuit, stage::transition_line(e, screen.is_interactive())));
        },
        fusebox::transition_events);
}

void warn_of_thresholds(const breaker_settings& settings, stage::console& screen) {
    for (const char* service : all_services)
        if (settings.of(service).threshold == 1)
            screen.print(fmt::format("warning: one failure opens the circuit for {}; a lost packet is one", service));
}

std::string introduction(shop& demo, bool calls, const stage::console& screen) {
    const auto& at = demo.where();
    const bool keys = screen.is_interactive();
    const auto& product = demo.make_order().circuits().settings().of("product");
    return fmt::format(
               "Orders: a service that takes them, six that it calls, and a circuit breaker before each.\n\n"
               "  make-order-service    {}   the page, for a browser; POST /ordering, /circuits, /metrics\n"
               "  auth-service          {}\n  product-service       {}\n  customer-service      {}\n"
               "  cart-service          {}\n  order-service         {}\n  notification-service  {}\n\n"
               "{}. What to try:\n\n",
               demo.address(), at.auth, at.product, at.customer, at.cart, at.order, at.notification,
               calls ? "A pen is ordered once a second" : "Nobody orders but you") +
           fmt::format(
               "  {0}  stop the product-service: after {1} failures orders are refused at once, for {2:g} s\n"
               "  {0}  start it again: the next trial call then closes the circuit\n",
               keys ? "s" : fmt::format("kill -USR1 {}", ::getpid()), product.threshold,
               std::chrono::duration<double>(product.cooldown).count()) +
           (keys ? "  n  stop the notification-service, or start it: orders are placed, their confirmations wait\n"
                   "  t  pause the orders, or go on with them\n  q  quit, as does Ctrl-C\n\n"
                 : fmt::format("  kill -TERM {}  quit\n\n", ::getpid()));
}

std::string circuits_that_are_not_closed(const guarded_services& services) {
    std::string all;
    for (const char* service : all_services) {
        const auto circuit = services.find(service);
        if (!circuit) continue;
        const auto now = circuit->snapshot();
        if (now.state == fusebox::circuit_state::closed && now.consecutive_failures == 0) continue;
        all += fmt::format("{} {} {}/{}{} | ", service, stage::shouted(to_string(now.state)), now.consecutive_failures,
                           services.settings().of(service).threshold, stage::next_trial_of(now));
    }
    return all.empty() ? "all circuits CLOSED | " : all;
}

std::string status_line(shop& demo, const steady_customer& customer) {
    return circuits_that_are_not_closed(demo.make_order().circuits()) +
           fmt::format("product {} | notification {} | orders {}: {} placed, {} failed",
                       demo.product().runs() ? "up" : "DOWN", demo.notification().runs() ? "up" : "DOWN",
                       customer.running() ? "on" : "paused", customer.placed(), customer.failed());
}

void toggle(interruptible_server& server, const std::string& name, stage::console& screen) {
    try {
        server.runs() ? server.stop() : server.start();
        screen.print(name + (server.runs() ? " started" : " stopped"));
    } catch (const stage::cannot_listen& e) {
        screen.print(e.what());
    }
}

void run_all(const stage::command_line& line, const shop_settings& config, const stage::keys& wanted) {
    stage::console screen;
    const auto log = [&screen](const std::string& text) { screen.print(text); };
    shop demo{line, config, log};
    screen.show(introduction(demo, line.calls, screen));
    warn_of_thresholds(config.make_order.breakers, screen);
    const auto logging = log_transitions(demo.make_order(), screen);
    steady_customer customer{demo.loop(), demo.address(), order_every, line.calls, log};
    for (;;) {
        screen.set_status(status_line(demo, customer));
        switch (wanted.next(screen.is_interactive())) {
            case stage::keys::main_switch: toggle(demo.product(), "product-service", screen); break;
            case 'n': toggle(demo.notification(), "notification-service", screen); break;
            case 't': customer.toggle(); break;
            case stage::keys::quit: return;
            default: break;
        }
    }
}

void run_alone(const stage::command_line& line, stage::event_loop& loop, stage::routes served,
               const stage::keys& wanted) {
    const auto server = stage::listen(loop, line, line.run, std::move(served));
    stage::console{}.print(line.run + " on " + stage::address_of(line.address, server.port()));
    stage::wait_for_end(wanted);
}

void run_make_order(const stage::command_line& line, const make_order_settings& config, const stage::keys& wanted) {
    stage::console screen;
    stage::event_loop loop;
    make_order_service service{loop.io().get_executor(), config,
                               [&screen](const std::string& text) { screen.print(text); }};
    warn_of_thresholds(config.breakers, screen);
    const auto logging = log_transitions(service, screen);
    const auto server = stage::listen(loop, line, line.run, service.routes());
    const stage::repetition looking_after{loop, look_after_every, [&] { return service.tie_up_loose_ends(); }};
    screen.print("make-order-service on " + stage::address_of(line.address, server.port()));
    stage::wait_for_end(wanted);
}

template <class Service>
void run_with_database(const stage::command_line& line, stage::environment& env, const stage::keys& wanted) {
    const std::string url = env.text("DATABASE_URL", "sqlite://");
    env.check();
    stage::event_loop loop;
    Service service{open_database(url)};
    run_alone(line, loop, service.routes(), wanted);
}

template <class Service>
void run_without_database(const stage::command_line& line, const stage::keys& wanted) {
    stage::event_loop loop;
    Service service;
    run_alone(line, loop, service.routes(), wanted);
}

void run(const stage::command_line& line, stage::environment& env, const stage::keys& wanted) try {
    const auto checked = [&](auto config) {
        env.check();
        return config;
    };
    if (line.run == "auth-service") return run_without_database<auth_service>(line, wanted);
    if (line.run == "notification-service") return run_without_database<notification_service>(line, wanted);
    if (line.run == "product-service") return run_with_database<product_service>(line, env, wanted);
    if (line.run == "customer-service") return run_with_database<customer_service>(line, env, wanted);
    if (line.run == "cart-service") return run_with_database<cart_service>(line, env, wanted);
    if (line.run == "order-service") return run_with_database<order_service>(line, env, wanted);
    if (line.run == "make-order-service") return run_make_order(line, checked(make_order_settings::from(env)), wanted);
    run_all(line, checked(shop_settings::from(env)), wanted);
} catch (const database_error& e) {
    throw stage::cannot_listen{e.what()};
}

}  // namespace

const stage::demo demo{
    .name = "orders",
    .about = "a service that takes orders, the six that it calls, and a breaker before each",
    .usage =
        R"(A service that takes orders over real HTTP, the six services that it calls, and a circuit breaker before each.

  fusebox demo orders                       all of it, in this terminal
  fusebox demo orders product-service       one of them
  fusebox demo orders --make-order-service-port 9000

Options:
  --make-order-service-port N     8000 unless given; 0 takes a free one, here and below
  --auth-service-port N           8001 unless given
  --product-service-port N        8002 unless given
  --customer-service-port N       8003 unless given
  --cart-service-port N           8004 unless given
  --order-service-port N          8005 unless given
  --notification-service-port N   8006 unless given
  --no-calls                      make no calls of its own: only yours count
  --bind ADDRESS                  where to listen; 127.0.0.1 unless given, 0.0.0.0 for every interface
  --help                          this text

Environment (times in seconds), and a file .env with the same:
  CB_THRESHOLD 3, CB_COOLDOWN_SECONDS 30   failures in a row that open a circuit, and how long it stays open
  CB_PRESET                                high-traffic, low-latency or critical: both at once
  COUNT_HTTP_5XX 0                         1: an answer from 500 on is a failure, too
  CB_CONFIG                                a YAML file with what differs for a service
  DATABASE_URL sqlite://                   in memory; or sqlite:///an/absolute/path, or postgresql://user@host/database
  AUTH_URL, PRODUCT_URL, CUSTOMER_URL, CART_URL, ORDER_URL, NOTIF_URL
                                           where make-order-service finds the others; http://auth-service:8001 and so
                                           on when it runs alone

Signals: INT and TERM end it; USR1 stops the product-service, and starts it again.
)",
    .services = {{"make-order-service", 8000},
                 {"auth-service", 8001},
                 {"product-service", 8002},
                 {"customer-service", 8003},
                 {"cart-service", 8004},
                 {"order-service", 8005},
                 {"notification-service", 8006}},
    .run = run,
};

}  // namespace orders
