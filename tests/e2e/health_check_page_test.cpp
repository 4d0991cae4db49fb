// The page of the health-check demo: what it says, in which language, and that nothing on it runs.
#include "health_check_fixture.hpp"

#include <stage/transition_line.hpp>

#include <array>
#include <regex>

namespace {

using namespace e2e;
using stage::language;
using stage::preferred_language;

const std::string in_french = "Accept-Language: fr-FR,fr;q=0.9,en;q=0.8\r\n";

struct page_test : testing::Test {
    stand_in service_b{{"/api/data", "/health"}};
    frontend_under_test a{service_b.url()};
};
using health_check_page = page_test;

std::string button(const std::string& path, const std::string& label) {
    return "<form method=\"get\" action=\"" + path + "\"><button>" + label + "</button></form>";
}

TEST_F(health_check_page, A000_A4_the_dashboard_in_the_seeds_language) {
    const auto page = a.visit("/", in_french);
    EXPECT_EQ(page.status, 200);
    EXPECT_TRUE(page.head.contains("Content-Type: text/html; charset=utf-8\r\n"));
    EXPECT_TRUE(page.head.contains("Vary: Accept-Language\r\n"));
    EXPECT_TRUE(page.says("<html lang=\"fr\">"));
    EXPECT_TRUE(page.says("<title>Circuit Breaker Dashboard</title>"));
    EXPECT_TRUE(page.says("<meta http-equiv=\"refresh\" content=\"5\">"));
    EXPECT_TRUE(page.says("<h1>Microservices Dashboard</h1>"));
    EXPECT_TRUE(page.says("<div class=\"status closed\""));
    EXPECT_TRUE(page.says("<strong>Circuit Breaker État:</strong> <b>CLOSED</b>"));
    EXPECT_TRUE(page.says("<strong>Échecs consécutifs:</strong> 0/3"));
    EXPECT_TRUE(std::regex_search(
        page.body, std::regex{R"(<strong>Dernière mise à jour:</strong> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d<)"}));
}

TEST_F(health_check_page, A000_A4_the_dashboard_in_english) {
    const auto page = a.visit("/");
    EXPECT_TRUE(page.says("<html lang=\"en\">"));
    EXPECT_TRUE(page.says("<title>Circuit Breaker Dashboard</title>"));
    EXPECT_TRUE(page.says("<h1>Microservices Dashboard</h1>"));
    EXPECT_TRUE(page.says("<strong>Circuit Breaker State:</strong> <b>CLOSED</b>"));
    EXPECT_TRUE(page.says("<strong>Consecutive failures:</strong> 0/3"));
    EXPECT_TRUE(page.says("<strong>Last update:</strong> "));
}

TEST_F(health_check_page, speaks_five_languages) {
    const std::array<std::array<std::string, 3>, 5> said{{{"en", "Consecutive failures:", "Test API"},
                                                          {"fr", "Échecs consécutifs:", "Tester API"},
                                                          {"es", "Fallos consecutivos:", "Probar API"},
                                                          {"pt", "Falhas consecutivas:", "Testar API"},
                                                          {"vi", "Số lỗi liên tiếp:", "Thử API"}}};
    for (const auto& [code, failures, button] : said) {
        const auto page = a.visit("/", "Accept-Language: " + code + "\r\n");
        EXPECT_TRUE(page.says("<html lang=\"" + code + "\">"));
        EXPECT_TRUE(page.says("<strong>" + failures + "</strong> 0/3")) << code;
        EXPECT_TRUE(page.says("<button>" + button + "</button>")) << code;
    }
}

TEST_F(health_check_page, A000_A4_each_state_has_its_class_and_colours) {
    const auto page = a.visit("/");
    EXPECT_TRUE(
        std::regex_search(page.body, std::regex{R"(\.closed[^{]*\{ background-color: #d4edda; color: #155724; \})"}));
    EXPECT_TRUE(
        std::regex_search(page.body, std::regex{R"(\.open[^{]*\{ background-color: #f8d7da; color: #721c24; \})"}));
    EXPECT_TRUE(std::regex_search(page.body,
                                  std::regex{R"(\.half-open[^{]*\{ background-color: #fff3cd; color: #856404; \})"}));
    service_b.answers(500);
    for (int i = 0; i < 3; ++i) a.visit("/test-api");
    const auto open = a.visit("/", in_french);
    EXPECT_TRUE(open.says("<div class=\"status open\""));
    EXPECT_TRUE(open.says("<b>OPEN</b>"));
    EXPECT_TRUE(open.says("3/3"));
    EXPECT_TRUE(open.says("dans 20 s"));
    a.clock.advance(21s);
    EXPECT_TRUE(a.visit("/").says("with the next request")) << "open still: only a call can find out";
}

TEST_F(health_check_page, A000_A5_the_dashboards_buttons) {
    const auto page = a.visit("/", in_french);
    EXPECT_TRUE(page.says(button("/test-api", "Tester API")));
    EXPECT_TRUE(page.says(button("/health-status", "Vérifier Santé")));
    EXPECT_TRUE(page.says(button("/", "Actualiser")));
    const auto english = a.visit("/");
    EXPECT_TRUE(english.says(button("/test-api", "Test API")));
    EXPECT_TRUE(english.says(button("/health-status", "Check health")));
    EXPECT_TRUE(english.says(button("/", "Refresh")));
}

TEST_F(health_check_page, A000_A6_test_api_shows_what_it_got) {
    service_b.answers(200, R"({"data":[{"id":1}],"timestamp":5})");
    const auto page = a.visit("/test-api", in_french);
    EXPECT_EQ(page.status, 200);
    EXPECT_TRUE(page.says("<strong>Succès! Données reçues:</strong>"));
    EXPECT_TRUE(
        page.says("<pre>{\n  &quot;data&quot;: [\n    {\n      &quot;id&quot;: 1\n    }\n  ],\n"
                  "  &quot;timestamp&quot;: 5\n}</pre>"));
    EXPECT_FALSE(page.says("http-equiv=\"refresh\""));
    EXPECT_TRUE(page.says(button("/", "Retour")));
    EXPECT_TRUE(page.says(button("/test-api", "Tester API")));
    EXPECT_TRUE(page.says(button("/health-status", "Vérifier Santé")));
}

TEST_F(health_check_page, A000_A6_test_api_shows_why_it_failed) {
    service_b.answers(500);
    const auto page = a.visit("/test-api", in_french);
    EXPECT_EQ(page.status, 200);
    EXPECT_TRUE(page.says("<strong>Erreur:</strong> HTTP 500<"));
    EXPECT_FALSE(page.says("Succès!"));
    EXPECT_FALSE(page.says("http-equiv=\"refresh\""));
}

TEST_F(health_check_page, A000_A7_health_status_shows_the_gateways_health) {
    service_b.answers(200, R"({"service":"api-gateway"})");
    const auto page = a.visit("/health-status", in_french);
    EXPECT_EQ(page.status, 200);
    EXPECT_TRUE(page.says("<strong>Succès! Données reçues:</strong>"));
    EXPECT_TRUE(page.says("&quot;service&quot;: &quot;api-gateway&quot;"));
    EXPECT_TRUE(page.says(button("/", "Retour")));
    service_b.answers(503);
    EXPECT_TRUE(a.visit("/health-status").says("<strong>Error:</strong> HTTP 503<"));
    EXPECT_EQ(a.failures(), 1) << "it goes through the same breaker";
}

TEST_F(health_check_page, nothing_that_was_received_can_run) {
    service_b.answers(200, R"({"name":"</pre><script>alert('x')</script>&"})");
    const auto page = a.visit("/test-api");
    EXPECT_FALSE(page.says("<script"));
    EXPECT_TRUE(page.says("&lt;/pre&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;"));
    EXPECT_EQ(stage::escape_html(R"(<a href="x" title='y'>&amp;)"),
              "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;");
}

TEST_F(health_check_page, bytes_that_are_no_text_are_shown_as_such) {
    service_b.answers(200, "{\"name\":\"\xff\"}");
    EXPECT_TRUE(a.visit("/test-api").says("Error:")) << "not UTF-8, so not JSON";
    EXPECT_EQ(a.visit("/").status, 200);
}

TEST_F(health_check_page, the_policy_lets_only_the_pages_own_style_in) {
    const auto page = a.visit("/");
    std::smatch found;
    ASSERT_TRUE(std::regex_search(page.head, found, std::regex{"style-src 'nonce-([0-9a-f]{32})'"})) << page.head;
    EXPECT_TRUE(page.head.contains("Content-Security-Policy: default-src 'none';"));
    EXPECT_TRUE(page.says("<style nonce=\"" + found[1].str() + "\">"));
    EXPECT_FALSE(a.visit("/").head.contains(found[1].str())) << "each page has its own";
    EXPECT_FALSE(page.says("<script"));
    EXPECT_FALSE(page.says("http://"));
    EXPECT_FALSE(page.says("https://"));
}

TEST(health_check_language, is_french_only_where_french_is_wished_for_most) {
    for (const char* wish :
         {"fr", "FR", "fr-FR,fr;q=0.9,en;q=0.8", "fr-CA", "de, fr;q=0.5", "en;q=0.3, fr;q=0.7", "fr;q=0.5,*;q=0.1"})
        EXPECT_EQ(preferred_language(wish), language::french) << wish;
    for (const char* wish :
         {"", "en", "en-GB,en;q=0.9,fr;q=0.8", "*", "de", "fr;q=0", "fr;q=0.5,en;q=0.5", "frr", "xfr", ";;,,q="})
        EXPECT_EQ(preferred_language(wish), language::english) << wish;
}

TEST(health_check_log, tells_transitions_as_documented) {
    using fusebox::circuit_state;
    const auto line = [](circuit_state from, circuit_state to, std::uint32_t failures, bool emoji) {
        fusebox::circuit_event e;
        e.from = from;
        e.to = to;
        e.consecutive_failures = failures;
        return stage::transition_line(e, emoji);
    };
    EXPECT_EQ(line(circuit_state::closed, circuit_state::open, 3, true),
              "⚠️  Circuit breaker: CLOSED → OPEN (3 failures)");
    EXPECT_EQ(line(circuit_state::closed, circuit_state::open, 1, false), "Circuit breaker: CLOSED → OPEN (1 failure)");
    EXPECT_EQ(line(circuit_state::open, circuit_state::half_open, 3, true),
              "🔄 Circuit breaker: OPEN → HALF_OPEN (testing recovery)");
    EXPECT_EQ(line(circuit_state::half_open, circuit_state::open, 4, false),
              "Circuit breaker: HALF_OPEN → OPEN (4 failures)");
    EXPECT_EQ(line(circuit_state::half_open, circuit_state::closed, 0, true),
              "✅ Circuit breaker: HALF_OPEN → CLOSED (recovered)");
}

}  // namespace
