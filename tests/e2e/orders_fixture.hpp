// The orders demo's seven services over real sockets, with breaker time and every outage in the test's hand.
#pragma once

#include "demo_fixture.hpp"

#include <orders/auth_service.hpp>
#include <orders/cart_service.hpp>
#include <orders/customer_service.hpp>
#include <orders/make_order_service.hpp>
#include <orders/notification_service.hpp>
#include <orders/order_service.hpp>
#include <orders/product_service.hpp>

#include <fusebox/testing/manual_clock.hpp>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <future>

namespace e2e {

inline answer talk(std::uint16_t port, const std::string& method, const std::string& path, const std::string& body = "",
                   const std::string& more_headers = "") {
    return parse(converse(port, method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" +
                                    more_headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                    body));
}

// Whether it comes true within a time that no sane machine needs.
template <class Condition>
bool eventually(Condition holds) {
    const auto patience = std::chrono::steady_clock::now() + 60s;
    while (!holds())
        if (std::chrono::steady_clock::now() > patience) return false;
        else std::this_thread::yield();
    return true;
}

// What a coroutine gives that runs on the loop.
template <class T>
T result_of(net::awaitable<T> running) {
    std::promise<T> promise;
    auto done = [&](const std::exception_ptr&, T value) { promise.set_value(std::move(value)); };
    loop().run([&] { net::co_spawn(loop().io(), std::move(running), done); });
    return promise.get_future().get();
}

// A service that can be gone, or be somebody else, at the same address.
class place {
public:
    explicit place(routes served) : routes_(std::move(served)), server_(serve(routes_)), port_(server_->port()) {}

    void stop() { server_.reset(); }
    void start() { become(routes_); }
    void become(const routes& others) {
        server_.reset();
        server_.emplace(serve(others, port_));
    }
    void answers(const std::string& what, int status, const std::string& body = "{}") {
        become({{what, [=](const request&) { return response{status, body}; }}});
    }
    std::uint64_t requests() const { return server_ ? server_->requests() : 0; }  // since it was started
    std::uint16_t port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    routes routes_;
    std::optional<server> server_;
    std::uint16_t port_;
};

inline const std::string mai = "Authorization: Bearer mai-token\r\n";
inline const std::string one_pen = R"({"customer_id":1,"items":[{"product_id":1,"quantity":1}]})";

inline std::string order_of(std::initializer_list<std::pair<int, int>> items) {
    json body{{"customer_id", 1}, {"items", json::array()}};
    for (const auto& [product, quantity] : items)
        body["items"].push_back({{"product_id", product}, {"quantity", quantity}});
    return body.dump();
}

class shop_under_test {
public:
    explicit shop_under_test(orders::breaker_settings breakers = {}, const std::string& database = "sqlite://")
        : customers_(orders::open_database(database)),
          products_(orders::open_database(database)),
          carts_(orders::open_database(database)),
          orders_(orders::open_database(database)),
          auth(auth_.routes()),
          customer(customers_.routes()),
          product(products_.routes()),
          cart(carts_.routes()),
          order(orders_.routes()),
          notification(notifications_.routes()),
          make_order(
              on_loop(), {.breakers = std::move(breakers), .urls = urls()},
              [this](const std::string& line) { log.push_back(line); }, &clock),
          server_(serve(make_order.routes())) {}

    answer place_order(const std::string& body = one_pen, const std::string& headers = mai) const {
        return talk(port(), "POST", "/ordering", body, headers);
    }
    std::string detail(const answer& a) const { return json::parse(a.body).value("detail", "no detail: " + a.body); }
    json circuit(const std::string& service) const {
        return json::parse(get(port(), "/circuits").body).value(service, json::object());
    }
    std::string state(const std::string& service) const { return circuit(service).value("current_state", "none"); }
    std::int64_t stock(int product_id) const {
        return json::parse(get(product.port(), "/products/" + std::to_string(product_id) + "/stock").body)["stock"];
    }
    json outbox() const { return json::parse(get(order.port(), "/outbox").body); }
    json mails() const { return json::parse(get(notification.port(), "/notifications").body); }
    // What the demo does once a second.
    void look_after() {
        std::promise<void> done;
        auto tell = [&](const std::exception_ptr&) { done.set_value(); };
        loop().run([&] { net::co_spawn(loop().io(), make_order.tie_up_loose_ends(), tell); });
        done.get_future().wait();
    }
    std::uint16_t port() const { return server_.port(); }
    bool logged(const std::string& line) const { return std::ranges::find(log, line) != log.end(); }

    fusebox::testing::manual_clock clock;
    std::vector<std::string> log;

private:
    orders::service_urls urls() const {
        return {auth.url(), product.url(), customer.url(), cart.url(), order.url(), notification.url()};
    }

    orders::auth_service auth_;
    orders::customer_service customers_;
    orders::product_service products_;
    orders::cart_service carts_;
    orders::order_service orders_;
    orders::notification_service notifications_;

public:
    place auth, customer, product, cart, order, notification;
    orders::make_order_service make_order;

private:
    server server_;  // the first to end
};

}  // namespace e2e
