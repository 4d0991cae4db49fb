#include <orders/loose_ends.hpp>

#include <fmt/format.h>

#include <utility>

namespace orders {

namespace net = boost::asio;

namespace {

bool is_done(const response& r) {
    return r.status < 500;  // what is refused for good is not tried again
}

// A number in a set, for as long as this lives.
class mark {
public:
    mark(std::set<std::int64_t>& in, std::int64_t number) : set_(in), number_(number) { set_.insert(number_); }
    mark(const mark&) = delete;
    mark& operator=(const mark&) = delete;
    ~mark() { set_.erase(number_); }

private:
    std::set<std::int64_t>& set_;
    const std::int64_t number_;
};

}  // namespace

service_urls service_urls::from(stage::environment& env, const service_urls& usual) {
    return {.auth = env.url("AUTH_URL", usual.auth),
            .product = env.url("PRODUCT_URL", usual.product),
            .customer = env.url("CUSTOMER_URL", usual.customer),
            .cart = env.url("CART_URL", usual.cart),
            .order = env.url("ORDER_URL", usual.order),
            .notification = env.url("NOTIF_URL", usual.notification)};
}

loose_ends::loose_ends(guarded_services& services, const service_urls& urls, guarded_services::log_sink log)
    : services_(services), urls_(urls), log_(std::move(log)) {}

net::awaitable<void> loose_ends::round() {
    co_await undo_all();
    if (look_into_outbox_) co_await empty_outbox();
}

net::awaitable<void> loose_ends::undo_all() {
    std::deque<undoing> now = std::exchange(undoings_, {});
    for (const auto& u : now) {
        const auto circuit = services_.find(u.service);
        if (circuit && circuit->is_shut()) {
            undoings_.push_back(u);
            continue;
        }
        const auto done = co_await services_.request_with_cb(u.service, u.base_url, "DELETE", u.path);
        if (!done || !is_done(*done)) undoings_.push_back(u);
        else log_(fmt::format("undone: DELETE {}{}", u.service, u.path));
    }
}

net::awaitable<void> loose_ends::empty_outbox() {
    const auto circuit = services_.find("notification");
    if (circuit && circuit->is_shut()) co_return;
    look_into_outbox_ = false;  // unless something comes up meanwhile
    // Nobody's order waits for this look, so its failures are not held against the order-service.
    request_options how;
    how.counted = false;
    const auto found = co_await services_.request_with_cb("order", urls_.order, "GET", "/outbox", std::move(how));
    bool all_sent = false;
    if (found && found->status == 200) {
        auto waiting = json::parse(found->body, nullptr, false);
        all_sent = co_await confirm_all(std::move(waiting));
    }
    if (!all_sent) look_into_outbox_ = true;
}

net::awaitable<bool> loose_ends::confirm_all(json waiting) {
    if (!waiting.is_array()) co_return false;
    for (const auto& w : waiting) {
        if (!w.is_object()) co_return false;
        const auto id = as_id(w.value("order_id", json()));
        const auto to = read_text(w, "to", "");
        if (!id || !to) co_return false;
        if (being_sent_.contains(*id)) continue;  // with its order
        confirmation c{*id, *to};
        const auto sent = co_await confirm(std::move(c));
        if (!sent) co_return false;
        log_(fmt::format("the confirmation of order {} was sent from the outbox", *id));
    }
    const bool that_was_all = waiting.empty();  // else there may be more
    co_return that_was_all;
}

net::awaitable<std::expected<void, std::string>> loose_ends::confirm(confirmation what) {
    const mark while_sent{being_sent_, what.order_id};
    auto sending = send(std::move(what));
    co_return co_await std::move(sending);
}

net::awaitable<std::expected<void, std::string>> loose_ends::send(confirmation what) {
    request_options mail;
    mail.headers = {{"Idempotency-Key", fmt::format("order-{}", what.order_id)}};
    mail.body = json{{"to", what.to},
                     {"subject", fmt::format("Order {}", what.order_id)},
                     {"content", fmt::format("Thank you. Your order {} is on its way.", what.order_id)}};
    const auto sent = co_await services_.request_with_cb("notification", urls_.notification, "POST",
                                                         "/notifications/email", std::move(mail));
    if (!sent) co_return std::unexpected(sent.error().detail);
    if (sent->status != 200) co_return std::unexpected(fmt::format("notification answered {}", sent->status));
    const std::string place = fmt::format("/outbox/{}", what.order_id);
    const auto struck = co_await services_.request_with_cb("order", urls_.order, "DELETE", place);
    if (!struck || !is_done(*struck)) look_into_outbox_ = true;  // it will be sent twice, and arrive once
    co_return std::expected<void, std::string>();
}

}  // namespace orders
