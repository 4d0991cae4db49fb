#include <orders/make_order_service.hpp>

#include <orders/demo_data.hpp>
#include <orders/order_request.hpp>

namespace orders {

using boost::asio::awaitable;

namespace {

constexpr std::size_t most_remembered = 100;

response sent_on_to(const std::string& path) {
    response r{303};
    r.set("Location", path);
    return r;
}

// What the form sends, as POST /ordering has it. A field that is no number stays what it is, and is refused as such.
json order_in_form(const request& asked) {
    const request form{"POST", "/?" + asked.body};
    const auto field = [&](const char* name) {
        const std::string text = form.query(name).value_or("");
        json number = json::parse(text, nullptr, false);
        return number.is_discarded() ? json(text) : number;
    };
    const json item{{"product_id", field("product_id")}, {"quantity", field("quantity")}};
    return json{{"customer_id", demo_data::customers[0].id}, {"items", json::array({item})}};
}

}  // namespace

make_order_settings make_order_settings::from(stage::environment& env, const service_urls& urls) {
    return {.breakers = breaker_settings::from(env), .urls = service_urls::from(env, urls)};
}

make_order_service::make_order_service(boost::asio::any_io_executor on, make_order_settings settings,
                                       guarded_services::log_sink log, const fusebox::monotonic_clock* clock)
    : urls_(std::move(settings.urls)),
      services_(std::move(on), std::move(settings.breakers), log, clock),
      later_(services_, urls_, log),
      ordering_(services_, urls_, later_) {}

stage::routes make_order_service::routes() {
    return {
        {"GET /", [this](const request& asked) { return page(asked, std::nullopt); }},
        {"POST /place-order", [this](const request& asked) { return place_from_form(asked); }},
        {"GET /placed/{key}", [this](const request& asked) { return show_placed(asked); }},
        {"POST /ordering", [this](const request& asked) { return place(asked); }},
        {"GET /circuits", [this](const request&) { return introspection(); }},
        {"GET /metrics", [this](const request&) { return services_.metrics(); }},
        {"GET /health", [](const request&) { return healthy(); }},
    };
}

awaitable<response> make_order_service::place(const request& asked) {
    const auto body = read_object(asked.body);
    if (!body) co_return detail(422, body.error());
    auto wanted = read_order(*body);
    if (!wanted) co_return detail(422, wanted.error());
    auto placed = ordering_.place(std::move(*wanted), std::string(asked.get("Authorization")));
    co_return co_await std::move(placed);
}

awaitable<response> make_order_service::place_from_form(const request& asked) {
    auto wanted = read_order(order_in_form(asked));
    if (!wanted) co_return remember(detail(422, wanted.error()));
    const std::string token = std::string("Bearer ") + demo_data::customers[0].token;
    auto placed = ordering_.place(std::move(*wanted), token);
    const auto answered = co_await std::move(placed);
    co_return remember(answered);
}

// A key that nobody guesses: an order is its customer's business.
response make_order_service::remember(const response& placed) {
    placed_.emplace_back(fresh_key(), placing{placed.status, placed.body});
    if (placed_.size() > most_remembered) placed_.pop_front();
    return sent_on_to("/placed/" + placed_.back().first);
}

response make_order_service::show_placed(const request& asked) const {
    const auto key = asked.parameter("key");
    for (const auto& [of, placed] : placed_)
        if (of == key) return page(asked, placed);
    return sent_on_to("/");  // forgotten
}

response make_order_service::introspection() const {
    json all = json::object();
    for (const char* service : all_services) {
        const auto circuit = services_.find(service);
        if (!circuit) continue;
        const auto now = circuit->snapshot();
        const auto& setting = services_.settings().of(service);
        all[service] = json{{"name", now.name},
                            {"current_state", to_string(now.state)},
                            {"fail_counter", now.consecutive_failures},
                            {"threshold", setting.threshold},
                            {"cooldown_seconds", std::chrono::duration<double>(setting.cooldown).count()}};
    }
    return answer(200, all);
}

response make_order_service::page(const request& asked, std::optional<placing> placed) const {
    make_order_view view;
    for (const char* service : all_services) {
        circuit_line line{.service = service, .threshold = services_.settings().of(service).threshold};
        if (const auto circuit = services_.find(service)) line.circuit = circuit->snapshot();
        view.circuits.push_back(std::move(line));
    }
    view.placed = std::move(placed);
    return make_order_page(view, stage::preferred_language(asked.get("Accept-Language")));
}

}  // namespace orders
