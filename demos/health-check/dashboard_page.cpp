#include <health-check/dashboard_page.hpp>

#include <stage/circuit_panel.hpp>

#include <fmt/format.h>

namespace health_check {

namespace {

struct labels {
    const char* test_api;
    const char* check_health;
    const char* refresh;
    const char* back;
    const char* error;
    const char* success;
};

// English, French, Spanish, Portuguese, Vietnamese.
constexpr stage::in_each_language<labels> all_labels{{
    {.test_api = "Test API",
     .check_health = "Check health",
     .refresh = "Refresh",
     .back = "Back",
     .error = "Error:",
     .success = "Success! Data received:"},
    {.test_api = "Tester API",
     .check_health = "Vérifier Santé",
     .refresh = "Actualiser",
     .back = "Retour",
     .error = "Erreur:",
     .success = "Succès! Données reçues:"},
    {.test_api = "Probar API",
     .check_health = "Ver salud",
     .refresh = "Actualizar",
     .back = "Volver",
     .error = "Error:",
     .success = "¡Éxito! Datos recibidos:"},
    {.test_api = "Testar API",
     .check_health = "Verificar saúde",
     .refresh = "Atualizar",
     .back = "Voltar",
     .error = "Erro:",
     .success = "Sucesso! Dados recebidos:"},
    {.test_api = "Thử API",
     .check_health = "Kiểm tra sức khỏe",
     .refresh = "Làm mới",
     .back = "Quay lại",
     .error = "Lỗi:",
     .success = "Thành công! Dữ liệu nhận được:"},
}};

std::string outcome_panel(const call_outcome& outcome, const labels& say) {
    if (outcome.error)
        return fmt::format("<section class=\"error\" role=\"alert\"><strong>{}</strong> {}</section>\n", say.error,
                           stage::escape_html(*outcome.error));
    if (outcome.data)
        return fmt::format("<section class=\"success\"><strong>{}</strong>\n<pre>{}</pre></section>\n", say.success,
                           stage::escape_html(*outcome.data));
    return "";
}

std::string buttons(page_kind kind, const labels& say) {
    const std::string calls = "<div class=\"first\">" + stage::get_button("/test-api", say.test_api) + "</div>" +
                              stage::get_button("/health-status", say.check_health);
    return kind == page_kind::overview ? calls + stage::get_button("/", say.refresh)
                                       : stage::get_button("/", say.back) + calls;
}

}  // namespace

fusebox::http::response dashboard_page(const dashboard_view& view, stage::language in) {
    const labels& say = stage::in(in, all_labels);
    return stage::to_response({.in = in,
                               .title = "Circuit Breaker Dashboard",
                               .heading = "Microservices Dashboard",
                               .content = stage::circuit_panel(view.circuit, view.failure_threshold, in) + "<nav>\n" +
                                          buttons(view.kind, say) + "</nav>\n" + outcome_panel(view.outcome, say),
                               .refresh_seconds = view.kind == page_kind::overview ? 5u : 0u});
}

}  // namespace health_check
