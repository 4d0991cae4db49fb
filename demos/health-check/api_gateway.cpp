#include <health-check/api_gateway.hpp>

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

namespace health_check {

using demo::http::request;
using demo::http::response;
using json = nlohmann::ordered_json;

namespace {

// The present by the wall clock, as ISO 8601 has it: "2026-01-31T12:00:00.123456Z".
std::string timestamp() {
    const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                       (now - second).count());
}

}  // namespace

api_gateway::api_gateway(api_gateway_settings settings) : settings_(std::move(settings)) {}

demo::http::routes api_gateway::routes() {
    return {
        {"/health", [this](const request& asked) { return health(asked); }},
        {"/ready", [this](const request& asked) { return ready(asked); }},
        {"/api/data", [this](const request& asked) { return data(asked); }},
    };
}

response api_gateway::health(const request& asked) {
    json report{{"service", "api-gateway"},
                {"status", "healthy"},
                {"timestamp", timestamp()},
                {"dependencies", json::object()}};
    json& database = report["dependencies"]["service-c"];
    const auto answer = client_.get(settings_.service_c_url + "/health", settings_.health_timeout, asked.stopping);
    if (!answer) {
        database = "unreachable: " + answer.error().message;
        report["status"] = "unhealthy";
        return {503, report.dump()};
    }
    database = answer->status == 200 ? "healthy" : "unhealthy";
    if (answer->status != 200) report["status"] = "degraded";
    return {200, report.dump()};
}

response api_gateway::ready(const request& asked) {
    const auto answer = client_.get(settings_.service_c_url + "/health", settings_.ready_timeout, asked.stopping);
    if (answer && answer->status == 200) return {200, json{{"status", "ready"}}.dump()};
    const char* reason = answer ? "dependency unhealthy" : "dependency unreachable";
    return {503, json{{"status", "not ready"}, {"reason", reason}}.dump()};
}

response api_gateway::data(const request& asked) {
    const auto answer = client_.get(settings_.service_c_url + "/data", settings_.data_timeout, asked.stopping);
    if (!answer && answer.error().timed_out) return {504, json{{"error", "Service timeout"}}.dump()};
    const auto unavailable = [](const std::string& why) {
        return response{503, json{{"error", "Service unavailable: " + why}}.dump()};
    };
    if (!answer) return unavailable(answer.error().message);
    if (!json::accept(answer->body)) return unavailable("the answer of " + settings_.service_c_url + " is not JSON");
    return {answer->status, answer->body};
}

api_gateway_settings api_gateway_settings::from(environment& env, const std::string& service_c_url) {
    return {.service_c_url = env.url("SERVICE_C_URL", service_c_url)};
}

}  // namespace health_check
