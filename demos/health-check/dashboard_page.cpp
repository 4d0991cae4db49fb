#include <health-check/dashboard_page.hpp>

#include <stage/transition_line.hpp>

#include <fmt/chrono.h>

#include <ctime>

namespace health_check {

namespace {

struct labels {
    const char* state;
    const char* when_closed;
    const char* when_open;
    const char* when_half_open;
    const char* failures;
    const char* updated;
    const char* next_trial;
    const char* in_seconds;
    const char* with_next_call;
    const char* test_api;
    const char* check_health;
    const char* refresh;
    const char* back;
    const char* error;
    const char* success;
};

// English, French, Spanish, Portuguese, Vietnamese.
constexpr stage::in_each_language<labels> all_labels{{
    {.state = "Circuit Breaker State:",
     .when_closed = "Calls go through.",
     .when_open = "Calls are refused at once, and the gateway is left alone.",
     .when_half_open = "One trial call is under way; it decides.",
     .failures = "Consecutive failures:",
     .updated = "Last update:",
     .next_trial = "Next trial call:",
     .in_seconds = "in {} s",
     .with_next_call = "with the next request",
     .test_api = "Test API",
     .check_health = "Check health",
     .refresh = "Refresh",
     .back = "Back",
     .error = "Error:",
     .success = "Success! Data received:"},
    {.state = "Circuit Breaker État:",
     .when_closed = "Les appels passent.",
     .when_open = "Les appels sont refusés aussitôt, et la passerelle reste en paix.",
     .when_half_open = "Un appel d’essai est en cours ; il décidera.",
     .failures = "Échecs consécutifs:",
     .updated = "Dernière mise à jour:",
     .next_trial = "Prochain appel d’essai:",
     .in_seconds = "dans {} s",
     .with_next_call = "à la prochaine requête",
     .test_api = "Tester API",
     .check_health = "Vérifier Santé",
     .refresh = "Actualiser",
     .back = "Retour",
     .error = "Erreur:",
     .success = "Succès! Données reçues:"},
    {.state = "Estado del Circuit Breaker:",
     .when_closed = "Las llamadas pasan.",
     .when_open = "Las llamadas se rechazan al instante, y la pasarela queda en paz.",
     .when_half_open = "Hay una llamada de prueba en curso; ella decide.",
     .failures = "Fallos consecutivos:",
     .updated = "Última actualización:",
     .next_trial = "Próxima llamada de prueba:",
     .in_seconds = "en {} s",
     .with_next_call = "con la próxima petición",
     .test_api = "Probar API",
     .check_health = "Ver salud",
     .refresh = "Actualizar",
     .back = "Volver",
     .error = "Error:",
     .success = "¡Éxito! Datos recibidos:"},
    {.state = "Estado do Circuit Breaker:",
     .when_closed = "As chamadas passam.",
     .when_open = "As chamadas são recusadas na hora, e o gateway fica em paz.",
     .when_half_open = "Uma chamada de teste está em curso; ela decide.",
     .failures = "Falhas consecutivas:",
     .updated = "Última atualização:",
     .next_trial = "Próxima chamada de teste:",
     .in_seconds = "em {} s",
     .with_next_call = "com o próximo pedido",
     .test_api = "Testar API",
     .check_health = "Verificar saúde",
     .refresh = "Atualizar",
     .back = "Voltar",
     .error = "Erro:",
     .success = "Sucesso! Dados recebidos:"},
    {.state = "Trạng thái Circuit Breaker:",
     .when_closed = "Các lời gọi được cho qua.",
     .when_open = "Các lời gọi bị từ chối ngay, gateway được để yên.",
     .when_half_open = "Một lời gọi thử đang chạy; nó sẽ quyết định.",
     .failures = "Số lỗi liên tiếp:",
     .updated = "Cập nhật lần cuối:",
     .next_trial = "Lời gọi thử tiếp theo:",
     .in_seconds = "sau {} giây",
     .with_next_call = "ở yêu cầu tiếp theo",
     .test_api = "Thử API",
     .check_health = "Kiểm tra sức khỏe",
     .refresh = "Làm mới",
     .back = "Quay lại",
     .error = "Lỗi:",
     .success = "Thành công! Dữ liệu nhận được:"},
}};

const char* meaning(fusebox::circuit_state state, const labels& say) {
    switch (state) {
        case fusebox::circuit_state::closed: return say.when_closed;
        case fusebox::circuit_state::half_open: return say.when_half_open;
        default: return say.when_open;
    }
}

std::string next_trial(const fusebox::circuit_snapshot& circuit, const labels& say) {
    if (circuit.state != fusebox::circuit_state::open) return "";
    const std::string when =
        circuit.retry_after > fusebox::duration{0}
            ? fmt::format(fmt::runtime(say.in_seconds), fusebox::ceil_seconds(circuit.retry_after).count())
            : say.with_next_call;
    return fmt::format("<p><strong>{}</strong> {}</p>\n", say.next_trial, when);
}

std::string status_panel(const dashboard_view& view, const labels& say) {
    const auto state = view.circuit.state;
    return fmt::format(
        "<div class=\"status {}\" role=\"status\">\n"
        "<p class=\"state\"><strong>{}</strong> <b>{}</b></p>\n<p class=\"meaning\">{}</p>\n"
        "<p><strong>{}</strong> {}/{}</p>\n{}"
        "<p><strong>{}</strong> {:%Y-%m-%d %H:%M:%S}</p>\n</div>\n",
        stage::css_class(state), say.state, stage::shouted(to_string(state)), meaning(state, say), say.failures,
        view.circuit.consecutive_failures, view.failure_threshold, next_trial(view.circuit, say), say.updated,
        fmt::localtime(std::time(nullptr)));
}

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
                               .content = status_panel(view, say) + "<nav>\n" + buttons(view.kind, say) + "</nav>\n" +
                                          outcome_panel(view.outcome, say),
                               .refresh_seconds = view.kind == page_kind::overview ? 5u : 0u});
}

}  // namespace health_check
