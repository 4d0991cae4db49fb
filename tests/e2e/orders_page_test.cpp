// The page of the orders demo: the circuits, a form that works without JavaScript, in five languages.
#include "orders_fixture.hpp"

#include <stage/circuit_log.hpp>

namespace {

using namespace e2e;

answer page_in(const shop_under_test& shop, const std::string& language) {
    return get(shop.port(), "/", "Accept-Language: " + language + "\r\n");
}

// Where the browser is sent once the form was heard.
std::string sent_on(const shop_under_test& shop, const std::string& form, const std::string& headers = "") {
    const auto heard = talk(shop.port(), "POST", "/place-order", form, headers);
    EXPECT_EQ(heard.status, 303);
    const std::string before = "\r\nLocation: ";
    const auto begin = heard.head.find(before) + before.size();
    return heard.head.substr(begin, heard.head.find("\r\n", begin) - begin);
}

answer placed_by_form(const shop_under_test& shop, const std::string& form, const std::string& headers = "") {
    return get(shop.port(), sent_on(shop, form, headers));
}

TEST(orders_page, the_circuits_are_there_with_their_state_and_counts) {
    shop_under_test shop;
    EXPECT_TRUE(page_in(shop, "en").says("<tr><td>product</td><td colspan=\"4\">not called yet</td></tr>"));
    shop.place_order();
    const auto page = page_in(shop, "en");
    EXPECT_EQ(page.status, 200);
    EXPECT_TRUE(page.says("<tr><td>product</td><td class=\"closed\">CLOSED</td><td>0/3</td><td>2</td><td>0</td></tr>"))
        << page.body;
    EXPECT_FALSE(page.says("http-equiv=\"refresh\"")) << "that would empty the form under the visitor's hands";
    EXPECT_EQ(shop.product.requests(), 2u) << "to look at the page calls nobody";
    shop.product.stop();
    for (int i = 0; i < 4; ++i) shop.place_order();
    EXPECT_TRUE(
        page_in(shop, "en")
            .says("<tr><td>product</td><td class=\"open\">OPEN, 30 s</td><td>3/3</td><td>2</td><td>1</td></tr>"));
}

TEST(orders_page, when_the_time_is_over_the_circuit_is_open_and_ready_for_a_trial) {
    shop_under_test shop;
    shop.product.stop();
    for (int i = 0; i < 3; ++i) shop.place_order();
    shop.clock.advance(30s);
    EXPECT_TRUE(page_in(shop, "en").says("<td class=\"open\">OPEN, ready for a trial</td>"));
    EXPECT_TRUE(page_in(shop, "vi").says("<td class=\"open\">OPEN, sẵn sàng gọi thử</td>"));
    EXPECT_EQ(shop.state("product"), "open") << "looking is no call";
    const auto circuit = shop.make_order.circuits().find("product");
    EXPECT_EQ(stage::next_trial_of(circuit->snapshot()), ", ready for a trial");
    EXPECT_EQ(stage::state_of(*circuit), "OPEN 3/3, ready for a trial");
}

TEST(orders_page, the_form_places_an_order_without_javascript) {
    const shop_under_test shop;
    const auto page = page_in(shop, "en");
    EXPECT_TRUE(page.says("<form method=\"post\" action=\"/place-order\">"));
    EXPECT_TRUE(page.says("<option value=\"2\">Notebook</option>"));
    EXPECT_FALSE(page.says("<script"));
    const std::string form = "Content-Type: application/x-www-form-urlencoded\r\n";
    const auto placed = placed_by_form(shop, "product_id=2&quantity=4", form);
    EXPECT_EQ(placed.status, 200);
    EXPECT_TRUE(placed.says("<section class=\"success\" role=\"status\"><strong>The order is placed.</strong>"));
    EXPECT_EQ(shop.stock(2), 496);
    const auto too_many = placed_by_form(shop, "product_id=3&quantity=4", form);
    EXPECT_TRUE(too_many.says("<strong>The order was not placed:</strong> HTTP 400"));
    EXPECT_TRUE(too_many.says("Product 3 insufficient stock"));
}

TEST(orders_page, to_load_the_result_again_orders_nothing) {
    const shop_under_test shop;
    const std::string result = sent_on(shop, "product_id=2&quantity=4");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(get(shop.port(), result).says("The order is placed."));
    EXPECT_EQ(shop.stock(2), 496) << "ordered once";
    const std::string failed = sent_on(shop, "product_id=3&quantity=4");
    EXPECT_NE(failed, result);
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(get(shop.port(), failed).says("Product 3 insufficient stock"));

    for (int i = 0; i < 100; ++i) sent_on(shop, "product_id=0&quantity=1");
    const auto forgotten = get(shop.port(), result);
    EXPECT_EQ(forgotten.status, 303);
    EXPECT_TRUE(forgotten.head.contains("\r\nLocation: /\r\n"));
}

TEST(orders_page, what_others_wrote_means_itself_and_runs_nothing) {
    shop_under_test shop;
    shop.product.answers("GET /products/{id}/stock", 500, R"({"detail":"<script>alert('x')</script>"})");
    const auto relayed = placed_by_form(shop, "product_id=1&quantity=1");
    EXPECT_TRUE(relayed.says("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;")) << relayed.body;
    EXPECT_FALSE(relayed.says("<script"));
    EXPECT_TRUE(relayed.head.contains("\r\nContent-Security-Policy: default-src 'none'; "));
    const auto refused = placed_by_form(shop, "product_id=%3Cb%3E&quantity=%22%3E");
    EXPECT_TRUE(refused.says("HTTP 422"));
    EXPECT_TRUE(refused.says("&lt;b&gt;")) << refused.body;
    EXPECT_FALSE(refused.says("<b>"));
}

TEST(orders_page, it_speaks_five_languages) {
    const shop_under_test shop;
    for (const auto& [language, button] :
         {std::pair{"en", "Place order"}, std::pair{"fr", "Commander"}, std::pair{"es", "Hacer el pedido"},
          std::pair{"pt", "Fazer pedido"}, std::pair{"vi", "Đặt hàng"}}) {
        const auto page = page_in(shop, language);
        EXPECT_TRUE(page.says(std::string("<html lang=\"") + language + "\">"));
        EXPECT_TRUE(page.says(std::string("<button>") + button + "</button>")) << language;
    }
}

}  // namespace
