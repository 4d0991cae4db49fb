#include <fault-injection/control_page.hpp>

#include <stage/circuit_panel.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fault_injection {

namespace {

constexpr unsigned refresh_seconds = 2;

struct labels {
    const char* call;
    std::array<const char*, all_controls.size()> controls;
    const char* said;
    const char* not_heard;
    const char* details;
};

// English, French, Spanish, Portuguese, Vietnamese. Spanish is the seed's language, and its labels are English ones.
constexpr stage::in_each_language<labels> all_labels{{
    {.call = "Call Service B (via Circuit Breaker)",
     .controls = {"Make Service B Fail", "Make Service B Healthy", "Make Service B Slow", "Make Service B Fast"},
     .said = "Service B says:",
     .not_heard = "Service B did not hear of it:",
     .details = "The circuit as JSON:"},
    {.call = "Appeler le service B (à travers le disjoncteur)",
     .controls = {"Mettre le service B en panne", "Réparer le service B", "Ralentir le service B",
                  "Accélérer le service B"},
     .said = "Le service B dit:",
     .not_heard = "Le service B n’en a rien su:",
     .details = "Le circuit en JSON:"},
    {.call = "Call Service B (via Circuit Breaker)",
     .controls = {"Make Service B Fail", "Make Service B Healthy", "Make Service B Slow", "Make Service B Fast"},
     .said = "El servicio B dice:",
     .not_heard = "El servicio B no se enteró:",
     .details = "El circuito en JSON:"},
    {.call = "Chamar o serviço B (pelo circuit breaker)",
     .controls = {"Fazer o serviço B falhar", "Consertar o serviço B", "Deixar o serviço B lento",
                  "Deixar o serviço B rápido"},
     .said = "O serviço B diz:",
     .not_heard = "O serviço B não ficou sabendo:",
     .details = "O circuito em JSON:"},
    {.call = "Gọi dịch vụ B (qua circuit breaker)",
     .controls = {"Làm dịch vụ B lỗi", "Sửa dịch vụ B", "Làm dịch vụ B chậm", "Làm dịch vụ B nhanh"},
     .said = "Dịch vụ B nói:",
     .not_heard = "Dịch vụ B không nhận được lệnh:",
     .details = "Mạch ở dạng JSON:"},
}};

std::string outcome_of(const last_press& last, const labels& say) {
    if (!last.error.empty())
        return fmt::format("<section class=\"error\" role=\"alert\"><strong>{}</strong> {}</section>\n", say.not_heard,
                           stage::escape_html(last.error));
    if (!last.said.empty())
        return fmt::format("<section class=\"success\" role=\"status\"><strong>{}</strong> {}</section>\n", say.said,
                           stage::escape_html(last.said));
    return "";
}

std::string buttons(const labels& say) {
    std::string all;
    for (std::size_t i = 0; i < all_controls.size(); ++i)
        all += stage::post_button(std::string("/service-b/") + all_controls[i], say.controls[i]);
    return all;
}

}  // namespace

last_press done_press(const std::string& answer) {
    const auto said = nlohmann::json::parse(answer, nullptr, false);
    if (!said.is_object() || !said.contains("message") || !said["message"].is_string())
        return failed_press("its answer is not the one expected");
    return {.said = said["message"]};
}

last_press failed_press(std::string why) {
    return {.error = std::move(why)};
}

fusebox::http::response control_page(const control_view& view, stage::language in) {
    const labels& say = stage::in(in, all_labels);
    const std::string content =
        fmt::format("<p>FAILURE_THRESHOLD={}, RECOVERY_TIMEOUT={:g}s</p>\n", view.failure_threshold,
                    std::chrono::duration<double>(view.recovery_timeout).count()) +
        stage::circuit_panel(view.circuit, view.failure_threshold, in) +
        fmt::format("<nav><a class=\"button first\" href=\"/call-service-b\">{}</a></nav>\n", say.call) + "<nav>\n" +
        buttons(say) + "</nav>\n" + outcome_of(view.last, say) +
        fmt::format("<p>{} <a href=\"/circuit-status\">/circuit-status</a></p>\n", say.details);
    return stage::to_response({.in = in,
                               .title = "Service A - Circuit Breaker Demo",
                               .heading = "Service A - Circuit Breaker Demo",
                               .content = content,
                               .refresh_seconds = refresh_seconds});
}

}  // namespace fault_injection
