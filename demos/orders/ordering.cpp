#include <orders/ordering.hpp>

#include <orders/order_request.hpp>

#include <fmt/format.h>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

namespace orders {

namespace net = boost::asio;
using net::awaitable;

namespace {

std::unexpected<service_failure> refuse(int status, std::string why) {
    return std::unexpected(service_failure{.status = status, .detail = std::move(why)});
}

// An answer that is no success, as our client hears it: with the service's own words, and its status if it is an error.
service_failure relayed(const std::string& service, const response& r, int otherwise) {
    const json said = json::parse(r.body, nullptr, false);
    std::string why = fmt::format("{} answered {}", service, r.status);
    if (said.is_object() && said.contains("detail"))
        why = said["detail"].is_string() ? said["detail"].get<std::string>() : said["detail"].dump();
    return {.status = r.status >= 400 ? r.status : otherwise, .detail = std::move(why)};
}

// Where the confirmation goes; empty for a customer without an address.
std::expected<std::string, service_failure> email_of(const json& customer) {
    const auto email = customer.find("email");
    if (email == customer.end() || email->is_null()) return "";
    if (!email->is_string()) return refuse(502, "customer answered an email that is no text");
    return email->get<std::string>();
}

}  // namespace

ordering::ordering(guarded_services& services, const service_urls& urls, loose_ends& later)
    : services_(services), urls_(urls), later_(later) {}

awaitable<response> ordering::place(order wanted, std::string authorization) {
    const auto known = co_await check_token(wanted.customer_id, std::move(authorization));
    if (!known) co_return known.error().as_response();
    const std::string path = fmt::format("/customers/{}", wanted.customer_id);
    const auto customer = co_await ask("customer", &service_urls::customer, "GET", path, request_options(), 404);
    if (!customer) co_return customer.error().as_response();
    const auto email = email_of(*customer);
    if (!email) co_return email.error().as_response();
    for (const auto& item : wanted.items) {
        const auto there = co_await check_stock(item);
        if (!there) co_return there.error().as_response();
    }

    // Half an order is worse than one that nobody waits for.
    co_await net::this_coro::reset_cancellation_state(net::disable_cancellation());
    wanted.key = fresh_key();
    std::size_t taken = 0;
    auto all_taken = co_await take_stock(wanted, taken);
    if (!all_taken) {
        auto given_up = give_up(wanted, taken, false, std::move(all_taken.error()));
        co_return co_await std::move(given_up);
    }
    auto created = co_await create(wanted, *email);
    if (!created) {
        const bool perhaps = !created.error().refused_by_breaker;
        auto given_up = give_up(wanted, taken, perhaps, std::move(created.error()));
        co_return co_await std::move(given_up);
    }
    auto finished = finish(std::move(*created), wanted.customer_id, *email);
    co_return co_await std::move(finished);
}

// What a service answers with 200 or 201, as an object.
ordering::step<json> ordering::ask(std::string service, urls_member where, std::string method, std::string path,
                                   request_options how, int otherwise) {
    const auto got =
        co_await services_.request_with_cb(service, urls_.*where, std::move(method), std::move(path), std::move(how));
    if (!got) co_return std::unexpected(got.error());
    if (got->status != 200 && got->status != 201) co_return std::unexpected(relayed(service, *got, otherwise));
    auto said = json::parse(got->body, nullptr, false);
    if (!said.is_object()) co_return refuse(502, service + " answered something that is no JSON object");
    co_return said;
}

ordering::step<bool> ordering::check_token(std::int64_t customer_id, std::string authorization) {
    const std::string bearer = "Bearer ";
    if (authorization.empty()) co_return refuse(401, "Missing Authorization header");
    if (!authorization.starts_with(bearer) || authorization.size() == bearer.size())
        co_return refuse(401, "Invalid Authorization header format");
    request_options how;
    how.headers = {{"Authorization", std::move(authorization)}};
    const auto token = co_await ask("auth", &service_urls::auth, "GET", "/auth/validate", std::move(how), 401);
    if (!token) co_return std::unexpected(token.error());
    if (as_id(token->value("customer_id", json())) != customer_id)
        co_return refuse(401, "Customer mismatch with token");
    co_return true;
}

ordering::step<bool> ordering::check_stock(order_item item) {
    request_options how;
    how.params = {{"quantity", std::to_string(item.quantity)}};
    const std::string path = fmt::format("/products/{}/stock", item.product_id);
    const auto stock = co_await ask("product", &service_urls::product, "GET", path, std::move(how), 404);
    if (!stock) co_return std::unexpected(stock.error());
    const auto available = stock->find("available");
    if (available == stock->end() || *available != true)
        co_return refuse(400, fmt::format("Product {} insufficient stock", item.product_id));
    co_return true;
}

// `taken`: of how many items something may be taken when it fails, too.
ordering::step<bool> ordering::take_stock(const order& wanted, std::size_t& taken) {
    for (const auto& item : wanted.items) {
        request_options how;
        how.body = json{{"quantity", item.quantity}, {"order_key", wanted.key}};
        const std::string path = fmt::format("/products/{}/stock", item.product_id);
        const auto done = co_await ask("product", &service_urls::product, "PUT", path, std::move(how), 400);
        if (done || !done.error().refused_by_breaker) ++taken;
        if (!done) co_return std::unexpected(done.error());
    }
    co_return true;
}

ordering::step<json> ordering::create(const order& wanted, std::string confirm_to) {
    request_options how;
    how.body = json{{"customer_id", wanted.customer_id},
                    {"items", to_json(wanted.items)},
                    {"payment_method", wanted.payment_method},
                    {"order_key", wanted.key},
                    {"confirm_to", std::move(confirm_to)}};
    auto created = co_await ask("order", &service_urls::order, "POST", "/orders", std::move(how), 400);
    if (created && !as_id(created->value("id", json()))) co_return refuse(502, "order answered without an id");
    co_return created;
}

awaitable<response> ordering::give_up(const order& wanted, std::size_t taken, bool perhaps_created,
                                      service_failure why) {
    // The order first: it must not be there without its stock.
    if (perhaps_created) {
        loose_ends::undoing cancel{"order", urls_.order, "/orders/keys/" + wanted.key};
        later_.undo(std::move(cancel));
    }
    for (std::size_t i = 0; i < taken; ++i) {
        const auto path = fmt::format("/products/{}/stock/{}", wanted.items[i].product_id, wanted.key);
        loose_ends::undoing give_back{"product", urls_.product, path};
        later_.undo(std::move(give_back));
    }
    co_await later_.undo_all();
    co_return why.as_response();
}

awaitable<response> ordering::finish(json created, std::int64_t customer_id, std::string email) {
    json done{{"status", "success"}, {"order", created}};
    std::string warning;
    if (!email.empty()) {
        confirmation mail{*as_id(created["id"]), std::move(email)};
        const auto sent = co_await later_.confirm(std::move(mail));
        if (!sent) {
            later_.confirmation_waits();
            warning = "The confirmation will be sent later: " + sent.error();
        }
    }
    const std::string cart = fmt::format("/customers/{}/cart", customer_id);
    const auto emptied = co_await ask("cart", &service_urls::cart, "DELETE", cart, request_options(), 502);
    if (!emptied) warning += (warning.empty() ? "" : " ") + ("The cart was not emptied: " + emptied.error().detail);
    if (!warning.empty()) done["warning"] = warning;
    co_return answer(200, done);
}

}  // namespace orders
