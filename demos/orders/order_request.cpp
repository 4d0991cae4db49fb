#include <orders/order_request.hpp>

#include <fmt/format.h>

#include <map>
#include <random>

namespace orders {

namespace {

constexpr std::size_t most_items = 100;

std::expected<std::vector<order_item>, std::string> read_items(const json& body) {
    const auto found = body.find("items");
    if (found == body.end() || !found->is_array() || found->empty() || found->size() > most_items)
        return std::unexpected(fmt::format("items must be a list of 1 to {} objects", most_items));
    std::map<std::int64_t, std::int64_t> pieces;
    for (std::size_t i = 0; i < found->size(); ++i) {
        const json& item = (*found)[i];
        if (!item.is_object()) return std::unexpected(fmt::format("items[{}] must be an object", i));
        const std::string where = fmt::format("items[{}].", i);
        const auto product = read_number(item, "product_id", any_id, where);
        if (!product) return std::unexpected(product.error());
        const auto quantity = read_number(item, "quantity", most_pieces, where);
        if (!quantity) return std::unexpected(quantity.error());
        std::int64_t& so_far = pieces[*product];
        so_far += *quantity;
        if (so_far > most_pieces)
            return std::unexpected(fmt::format("items ask for more than {} of product {}", most_pieces, *product));
    }
    std::vector<order_item> items;
    items.reserve(pieces.size());
    for (const auto& [product, quantity] : pieces) items.push_back({product, quantity});
    return items;
}

// Clients that have it from a token have it as a text.
std::expected<std::int64_t, std::string> read_customer(const json& body) {
    const auto found = body.find("customer_id");
    const auto id = found == body.end() ? std::nullopt : as_id(*found);
    if (id) return *id;
    return read_number(body, "customer_id", any_id);
}

}  // namespace

std::string fresh_key() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::expected<order, std::string> read_order(const json& body) {
    const auto customer = read_customer(body);
    if (!customer) return std::unexpected(customer.error());
    auto items = read_items(body);
    if (!items) return std::unexpected(items.error());
    const auto payment = read_text(body, "payment_method", "COD");
    if (!payment) return std::unexpected(payment.error());
    return order{.customer_id = *customer, .payment_method = *payment, .items = std::move(*items)};
}

json to_json(const std::vector<order_item>& items) {
    json all = json::array();
    for (const auto& i : items) all.push_back(json{{"product_id", i.product_id}, {"quantity", i.quantity}});
    return all;
}

json to_json(const order& o) {
    return json{{"id", o.id},
                {"customer_id", o.customer_id},
                {"items", to_json(o.items)},
                {"payment_method", o.payment_method},
                {"status", o.status}};
}

}  // namespace orders
