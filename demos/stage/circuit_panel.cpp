#include <stage/circuit_panel.hpp>

#include <stage/transition_line.hpp>

#include <fmt/chrono.h>

#include <ctime>

namespace stage {

namespace {

struct labels {
    const char* state;
    const char* when_closed;
    const char* when_open;
    const char* when_ready;
    const char* when_half_open;
    const char* failures;
    const char* updated;
    const char* next_trial;
    const char* in_seconds;
    const char* with_next_call;
};

// English, French, Spanish, Portuguese, Vietnamese.
constexpr in_each_language<labels> all_labels{{
    {.state = "Circuit Breaker State:",
     .when_closed = "Calls go through.",
     .when_open = "Calls are refused at once, and the service behind is left alone.",
     .when_ready = "Ready for a trial: the time is over, and one call may go through.",
     .when_half_open = "One trial call is under way; it decides.",
     .failures = "Consecutive failures:",
     .updated = "Last update:",
     .next_trial = "Next trial call:",
     .in_seconds = "in {} s",
     .with_next_call = "with the next request"},
    {.state = "Circuit Breaker État:",
     .when_closed = "Les appels passent.",
     .when_open = "Les appels sont refusés aussitôt, et le service derrière reste en paix.",
     .when_ready = "Prêt pour un essai : le délai est écoulé, un appel peut passer.",
     .when_half_open = "Un appel d’essai est en cours ; il décidera.",
     .failures = "Échecs consécutifs:",
     .updated = "Dernière mise à jour:",
     .next_trial = "Prochain appel d’essai:",
     .in_seconds = "dans {} s",
     .with_next_call = "à la prochaine requête"},
    {.state = "Estado del Circuit Breaker:",
     .when_closed = "Las llamadas pasan.",
     .when_open = "Las llamadas se rechazan al instante, y el servicio de detrás queda en paz.",
     .when_ready = "Listo para una prueba: el plazo ha pasado, y una llamada puede pasar.",
     .when_half_open = "Hay una llamada de prueba en curso; ella decide.",
     .failures = "Fallos consecutivos:",
     .updated = "Última actualización:",
     .next_trial = "Próxima llamada de prueba:",
     .in_seconds = "en {} s",
     .with_next_call = "con la próxima petición"},
    {.state = "Estado do Circuit Breaker:",
     .when_closed = "As chamadas passam.",
     .when_open = "As chamadas são recusadas na hora, e o serviço por trás fica em paz.",
     .when_ready = "Pronto para um teste: o prazo acabou, e uma chamada pode passar.",
     .when_half_open = "Uma chamada de teste está em curso; ela decide.",
     .failures = "Falhas consecutivas:",
     .updated = "Última atualização:",
     .next_trial = "Próxima chamada de teste:",
     .in_seconds = "em {} s",
     .with_next_call = "com o próximo pedido"},
    {.state = "Trạng thái Circuit Breaker:",
     .when_closed = "Các lời gọi được cho qua.",
     .when_open = "Các lời gọi bị từ chối ngay, dịch vụ phía sau được để yên.",
     .when_ready = "Sẵn sàng gọi thử: đã hết thời gian chờ, một lời gọi được cho qua.",
     .when_half_open = "Một lời gọi thử đang chạy; nó sẽ quyết định.",
     .failures = "Số lỗi liên tiếp:",
     .updated = "Cập nhật lần cuối:",
     .next_trial = "Lời gọi thử tiếp theo:",
     .in_seconds = "sau {} giây",
     .with_next_call = "ở yêu cầu tiếp theo"},
}};

// Open, but no longer refusing: the next call is the trial.
bool is_ready(const fusebox::circuit_snapshot& circuit) {
    return circuit.state == fusebox::circuit_state::open && circuit.retry_after <= fusebox::duration{0};
}

const char* meaning(const fusebox::circuit_snapshot& circuit, const labels& say) {
    if (is_ready(circuit)) return say.when_ready;
    switch (circuit.state) {
        case fusebox::circuit_state::closed: return say.when_closed;
        case fusebox::circuit_state::half_open: return say.when_half_open;
        default: return say.when_open;
    }
}

std::string next_trial(const fusebox::circuit_snapshot& circuit, const labels& say) {
    if (circuit.state != fusebox::circuit_state::open) return "";
    const std::string when = is_ready(circuit) ? say.with_next_call
                                               : fmt::format(fmt::runtime(say.in_seconds),
                                                             fusebox::ceil_seconds(circuit.retry_after).count());
    return fmt::format("<p><strong>{}</strong> {}</p>\n", say.next_trial, when);
}

}  // namespace

std::string circuit_panel(const fusebox::circuit_snapshot& circuit, std::uint32_t failure_threshold, language in) {
    const labels& say = stage::in(in, all_labels);
    return fmt::format(
        "<div class=\"status {}\" role=\"status\">\n"
        "<p class=\"state\"><strong>{}</strong> <b>{}</b></p>\n<p class=\"meaning\">{}</p>\n"
        "<p><strong>{}</strong> {}/{}</p>\n{}"
        "<p><strong>{}</strong> {:%Y-%m-%d %H:%M:%S}</p>\n</div>\n",
        css_class(circuit.state), say.state, shouted(to_string(circuit.state)), meaning(circuit, say), say.failures,
        circuit.consecutive_failures, failure_threshold, next_trial(circuit, say), say.updated,
        fmt::localtime(std::time(nullptr)));
}

}  // namespace stage
