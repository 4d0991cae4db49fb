// The page of the orders demo: the circuits, a form that works without JavaScript, in five languages.
#include "orders_fixture.hpp"

namespace {

using namespace e2e;

answer page_in(const shop_under_test& shop, const std::string& language) {
    return get(shop.port(), "/", "Accept-Language: " + language + "\r\n");
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

TEST(orders_page, the_form_places_an_order_without_javascript) {
    const shop_under_test shop;
    const auto page = page_in(shop, "en");
    EXPECT_TRUE(page.says("<form method=\"post\" action=\"/place-order\">"));
    EXPECT_TRUE(page.says("<option value=\"2\">Notebook</option>"));
    EXPECT_FALSE(page.says("<script"));
    const std::string form = "Content-Type: application/x-www-form-urlencoded\r\n";
    const auto placed = talk(shop.port(), "POST", "/place-order", "product_id=2&quantity=4", form);
    EXPECT_EQ(placed.status, 200);
    EXPECT_TRUE(placed.says("<section class=\"success\" role=\"status\"><strong>The order is placed.</strong>"));
    EXPECT_EQ(shop.stock(2), 496);
    const auto too_many = talk(shop.port(), "POST", "/place-order", "product_id=3&quantity=4", form);
    EXPECT_TRUE(too_many.says("<strong>The order was not placed:</strong> HTTP 400"));
    EXPECT_TRUE(too_many.says("Product 3 insufficient stock"));
}

TEST(orders_page, what_others_wrote_means_itself_and_runs_nothing) {
    shop_under_test shop;
    shop.product.answers("GET /products/{id}/stock", 500, R"({"detail":"<script>alert('x')</script>"})");
    const auto relayed = talk(shop.port(), "POST", "/place-order", "product_id=1&quantity=1");
    EXPECT_TRUE(relayed.says("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;")) << relayed.body;
    EXPECT_FALSE(relayed.says("<script"));
    EXPECT_TRUE(relayed.head.contains("\r\nContent-Security-Policy: default-src 'none'; "));
    const auto refused = talk(shop.port(), "POST", "/place-order", "product_id=%3Cb%3E&quantity=%22%3E");
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
