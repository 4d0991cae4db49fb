// The page of the fault-injection demo: its link and its buttons, and that each press acts once.
#include "fault_injection_fixture.hpp"

#include <regex>

namespace {

using namespace e2e;
using fault_injection_page = fault_injection_test;

const std::string in_spanish = "Accept-Language: es-AR,es;q=0.9,en;q=0.5\r\n";

std::string button(const std::string& control, const std::string& label) {
    return "<form method=\"post\" action=\"/service-b/" + control + "\"><button>" + label + "</button></form>";
}

TEST_F(fault_injection_page, A001_A1_the_page_has_the_link_and_the_buttons) {
    for (const std::string& language : {std::string{}, in_spanish}) {
        const auto page = visit("/", language);
        EXPECT_EQ(page.status, 200);
        EXPECT_TRUE(page.says("<h1>Service A - Circuit Breaker Demo</h1>"));
        EXPECT_TRUE(page.says("FAILURE_THRESHOLD=3, RECOVERY_TIMEOUT=20s"));
        EXPECT_TRUE(page.says("href=\"/call-service-b\">Call Service B (via Circuit Breaker)</a>"));
        EXPECT_TRUE(page.says(button("induce-failure", "Make Service B Fail")));
        EXPECT_TRUE(page.says(button("remove-failure", "Make Service B Healthy")));
        EXPECT_TRUE(page.says(button("induce-latency", "Make Service B Slow")));
        EXPECT_TRUE(page.says(button("remove-latency", "Make Service B Fast")));
    }
}

TEST_F(fault_injection_page, A001_A1_the_page_shows_the_state_and_renews_itself) {
    EXPECT_TRUE(visit("/").says("<meta http-equiv=\"refresh\" content=\"2\">"));
    EXPECT_TRUE(visit("/").says("<div class=\"status closed\""));
    b.set_failing(true);
    for (int i = 0; i < 3; ++i) call();
    const auto open = visit("/", in_spanish);
    EXPECT_TRUE(open.says("<html lang=\"es\">"));
    EXPECT_TRUE(open.says("<div class=\"status open\""));
    EXPECT_TRUE(open.says("<strong>Estado del Circuit Breaker:</strong> <b>OPEN</b>"));
    EXPECT_TRUE(open.says("3/3"));
    EXPECT_TRUE(open.says("en 20 s"));
    EXPECT_FALSE(open.says("Listo para una prueba"));
    clock.advance(20s);
    const auto ready = visit("/", in_spanish);
    EXPECT_TRUE(ready.says("<b>OPEN</b>"));
    EXPECT_TRUE(ready.says("Listo para una prueba: el plazo ha pasado, y una llamada puede pasar."));
    EXPECT_FALSE(ready.says("se rechazan al instante"));
    EXPECT_TRUE(visit("/").says("Ready for a trial"));
}

TEST_F(fault_injection_page, A001_A1_the_page_speaks_five_languages) {
    const auto call_in = [&](const std::string& code) {
        const auto page = visit("/", "Accept-Language: " + code + "\r\n");
        EXPECT_TRUE(page.says("<html lang=\"" + code + "\">"));
        std::smatch found;
        EXPECT_TRUE(std::regex_search(page.body, found, std::regex{R"(href="/call-service-b">([^<]+)<)"}));
        return found[1].str();
    };
    EXPECT_EQ(call_in("fr"), "Appeler le service B (à travers le disjoncteur)");
    EXPECT_EQ(call_in("pt"), "Chamar o serviço B (pelo circuit breaker)");
    EXPECT_EQ(call_in("vi"), "Gọi dịch vụ B (qua circuit breaker)");
}

// The seed's page posts to another origin, which does not allow it, and each button twice.
TEST_F(fault_injection_page, A001_B4_each_press_reaches_service_b_exactly_once) {
    std::uint64_t presses = 0;
    for (const char* control : {"induce-failure", "remove-failure", "induce-latency", "remove-latency"}) {
        const auto got = press(control);
        EXPECT_EQ(got.status, 303) << control;
        EXPECT_TRUE(got.head.contains("Location: /\r\n")) << got.head;
        visit("/");
        visit("/");  // the browser shows the page, and renews it
        EXPECT_EQ(b_server.requests(), ++presses) << control;
        EXPECT_EQ(visit(std::string("/service-b/") + control).status, 405) << "a link cannot press it";
    }
    EXPECT_EQ(log_b.lines(),
              (std::vector<std::string>{"Service B set to UNHEALTHY state.", "Service B set to HEALTHY state.",
                                        "Service B set to SLOW state.", "Service B set to NORMAL SPEED state."}));
}

TEST_F(fault_injection_page, A001_B4_the_browser_needs_no_other_origin_and_no_script) {
    const auto page = visit("/");
    EXPECT_FALSE(page.says("<script"));
    EXPECT_FALSE(page.says("http://"));
    EXPECT_TRUE(page.head.contains("form-action 'self'")) << page.head;
}

TEST_F(fault_injection_page, A001_B4_a_press_acts_while_the_circuit_is_open) {
    b.set_failing(true);
    for (int i = 0; i < 3; ++i) call();
    press("remove-failure");
    EXPECT_FALSE(b.failing()) << "who mends service B is not refused";
    EXPECT_EQ(state(), "open") << "and no call was made";
}

TEST_F(fault_injection_page, tells_what_became_of_the_last_press) {
    EXPECT_FALSE(visit("/").says("<section"));
    press("induce-latency");
    EXPECT_TRUE(visit("/").says("<strong>Service B says:</strong> Service B will now have added latency for /data."));
    EXPECT_TRUE(visit("/", in_spanish).says("<strong>El servicio B dice:</strong>"));
}

TEST(fault_injection_lonely_page, tells_that_service_b_did_not_hear_and_escapes_why) {
    const std::string gone = dead_url();
    service_a a{on_loop(), {.service_b_url = gone}};
    const server s = serve(a.routes());
    EXPECT_EQ(post(s.port(), "/service-b/induce-failure").status, 303);
    EXPECT_TRUE(
        get(s.port(), "/")
            .says("<strong>Service B did not hear of it:</strong> " + gone.substr(7) + " refused the connection"));

    const auto hostile = [](const request&) { return response{200, R"({"message":"<script>alert(1)</script>"})"}; };
    const server stranger = serve({{"POST /induce-failure", hostile}});
    service_a b{on_loop(), {.service_b_url = url_of(stranger)}};
    const server s2 = serve(b.routes());
    post(s2.port(), "/service-b/induce-failure");
    EXPECT_FALSE(get(s2.port(), "/").says("<script"));
    EXPECT_TRUE(get(s2.port(), "/").says("&lt;script&gt;alert(1)&lt;/script&gt;"));
    post(s2.port(), "/service-b/induce-latency");
    EXPECT_TRUE(get(s2.port(), "/").says("<strong>Service B did not hear of it:</strong> HTTP 404"));
}

}  // namespace
