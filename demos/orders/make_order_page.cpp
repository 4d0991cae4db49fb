#include <orders/make_order_page.hpp>

#include <orders/demo_data.hpp>

#include <stage/transition_line.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace orders {

namespace {

struct labels {
    const char* heading;
    const char* service;
    const char* state;
    const char* failures;
    const char* calls;
    const char* refused;
    const char* not_called;
    const char* ready;
    const char* order_for;
    const char* product;
    const char* quantity;
    const char* place_order;
    const char* refresh;
    const char* success;
    const char* error;
};

// English, French, Spanish, Portuguese, Vietnamese.
constexpr stage::in_each_language<labels> all_labels{{
    {.heading = "Orders",
     .service = "Service",
     .state = "Circuit",
     .failures = "Consecutive failures",
     .calls = "Answered",
     .refused = "Refused",
     .not_called = "not called yet",
     .ready = "ready for a trial",
     .order_for = "Order for {}",
     .product = "Product",
     .quantity = "Quantity",
     .place_order = "Place order",
     .refresh = "Refresh",
     .success = "The order is placed.",
     .error = "The order was not placed:"},
    {.heading = "Commandes",
     .service = "Service",
     .state = "Circuit",
     .failures = "Échecs consécutifs",
     .calls = "Réponses",
     .refused = "Refusés",
     .not_called = "pas encore appelé",
     .ready = "prêt pour un essai",
     .order_for = "Commande pour {}",
     .product = "Produit",
     .quantity = "Quantité",
     .place_order = "Commander",
     .refresh = "Actualiser",
     .success = "La commande est passée.",
     .error = "La commande n’a pas été passée :"},
    {.heading = "Pedidos",
     .service = "Servicio",
     .state = "Circuito",
     .failures = "Fallos consecutivos",
     .calls = "Respuestas",
     .refused = "Rechazadas",
     .not_called = "aún sin llamadas",
     .ready = "listo para una prueba",
     .order_for = "Pedido para {}",
     .product = "Producto",
     .quantity = "Cantidad",
     .place_order = "Hacer el pedido",
     .refresh = "Actualizar",
     .success = "El pedido está hecho.",
     .error = "El pedido no se ha hecho:"},
    {.heading = "Pedidos",
     .service = "Serviço",
     .state = "Circuito",
     .failures = "Falhas consecutivas",
     .calls = "Respostas",
     .refused = "Recusadas",
     .not_called = "ainda não chamado",
     .ready = "pronto para um teste",
     .order_for = "Pedido para {}",
     .product = "Produto",
     .quantity = "Quantidade",
     .place_order = "Fazer pedido",
     .refresh = "Atualizar",
     .success = "O pedido foi feito.",
     .error = "O pedido não foi feito:"},
    {.heading = "Đặt hàng",
     .service = "Dịch vụ",
     .state = "Circuit",
     .failures = "Số lỗi liên tiếp",
     .calls = "Đã trả lời",
     .refused = "Bị từ chối",
     .not_called = "chưa được gọi",
     .ready = "sẵn sàng gọi thử",
     .order_for = "Đơn hàng cho {}",
     .product = "Sản phẩm",
     .quantity = "Số lượng",
     .place_order = "Đặt hàng",
     .refresh = "Làm mới",
     .success = "Đơn hàng đã được đặt.",
     .error = "Đơn hàng chưa được đặt:"},
}};

std::string line_of(const circuit_line& line, const labels& say) {
    if (!line.circuit)
        return fmt::format("<tr><td>{}</td><td colspan=\"4\">{}</td></tr>\n", stage::escape_html(line.service),
                           say.not_called);
    const auto& c = *line.circuit;
    std::string state = stage::shouted(to_string(c.state));
    if (c.state == fusebox::circuit_state::open)
        state += fmt::format(", {}", c.retry_after > fusebox::duration{0}
                                         ? fmt::format("{} s", fusebox::ceil_seconds(c.retry_after).count())
                                         : say.ready);
    return fmt::format("<tr><td>{}</td><td class=\"{}\">{}</td><td>{}/{}</td><td>{}</td><td>{}</td></tr>\n",
                       stage::escape_html(line.service), stage::css_class(c.state), state, c.consecutive_failures,
                       line.threshold, c.totals.successes, c.totals.rejected);
}

std::string table(const std::vector<circuit_line>& circuits, const labels& say) {
    std::string rows;
    for (const auto& line : circuits) rows += line_of(line, say);
    return fmt::format("<table>\n<tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr>\n{}</table>\n",
                       say.service, say.state, say.failures, say.calls, say.refused, rows);
}

std::string form(const labels& say) {
    std::string products;
    for (const auto& p : demo_data::products)
        products += fmt::format("<option value=\"{}\">{}</option>\n", p.id, stage::escape_html(p.name));
    return fmt::format(
        "<h2>{}</h2>\n<form method=\"post\" action=\"/place-order\"><nav>\n"
        "<label>{} <select name=\"product_id\">\n{}</select></label>\n"
        "<label>{} <input type=\"number\" name=\"quantity\" value=\"1\" min=\"1\" max=\"1000000\" required></label>\n"
        "<span class=\"first\"><button>{}</button></span>\n</nav></form>\n",
        fmt::format(fmt::runtime(say.order_for), stage::escape_html(demo_data::customers[0].name)), say.product,
        products, say.quantity, say.place_order);
}

std::string result(const placing& placed, const labels& say) {
    const auto said = nlohmann::ordered_json::parse(placed.body, nullptr, false);
    const std::string shown = said.is_discarded() ? placed.body : said.dump(2);
    const bool ok = placed.status == 200;
    return fmt::format("<section class=\"{}\" role=\"{}\"><strong>{}</strong> HTTP {}\n<pre>{}</pre></section>\n",
                       ok ? "success" : "error", ok ? "status" : "alert", ok ? say.success : say.error, placed.status,
                       stage::escape_html(shown));
}

}  // namespace

fusebox::http::response make_order_page(const make_order_view& view, stage::language in) {
    const labels& say = stage::in(in, all_labels);
    std::string content = table(view.circuits, say);
    if (view.placed) content += result(*view.placed, say);
    content += form(say);
    content += "<nav>" + stage::get_button("/", say.refresh) + "</nav>\n";
    // It does not refresh itself, or it would empty the form under the visitor's hands.
    return stage::to_response(
        {.in = in, .title = "make-order-service", .heading = say.heading, .content = std::move(content)});
}

}  // namespace orders
