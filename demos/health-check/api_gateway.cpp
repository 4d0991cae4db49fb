#include <health-check/api_gateway.hpp>

#include <stage/wall_time.hpp>

#include <nlohmann/json.hpp>

namespace health_check {

using boost::asio::awaitable;
using fusebox::http::http_errc;
using json = nlohmann::ordered_json;

api_gateway::api_gateway(boost::asio::any_io_executor on, api_gateway_settings settings)
    : settings_(std::move(settings)), client_(on), business_(on, settings_.service_c_url, settings_.business) {}

stage::routes api_gateway::routes() {
    return {
        {"GET /health", [this](const request&) { return health(); }},
        {"GET /health/business", [this](const request&) { return business_.check(); }},
        {"GET /ready", [this](const request&) { return ready(); }},
        {"GET /api/data", [this](const request&) { return data(); }},
    };
}

awaitable<response> api_gateway::health() {
    json report{{"service", "api-gateway"},
                {"status", "healthy"},
                {"timestamp", stage::timestamp()},
                {"dependencies", json::object()}};
    json& database = report["dependencies"]["service-c"];
    const request question{"GET", settings_.service_c_url + "/health"};
    const auto answer = co_await client_.send(question, settings_.health_timeout);
    if (!answer) {
        database = "unreachable: " + answer.error().message;
        report["status"] = "unhealthy";
        co_return stage::json_response(503, report.dump());
    }
    database = answer->status == 200 ? "healthy" : "unhealthy";
    if (answer->status != 200) report["status"] = "degraded";
    co_return stage::json_response(200, report.dump());
}

awaitable<response> api_gateway::ready() {
    const request question{"GET", settings_.service_c_url + "/health"};
    const auto answer = co_await client_.send(question, settings_.ready_timeout);
    if (answer && answer->status == 200) co_return stage::json_response(200, json{{"status", "ready"}}.dump());
    const char* reason = answer ? "dependency unhealthy" : "dependency unreachable";
    co_return stage::json_response(503, json{{"status", "not ready"}, {"reason", reason}}.dump());
}

awaitable<response> api_gateway::data() {
    const request question{"GET", settings_.service_c_url + "/data"};
    const auto answer = co_await client_.send(question, settings_.data_timeout);
    if (!answer && answer.error().code == http_errc::timeout)
        co_return stage::json_response(504, json{{"error", "Service timeout"}}.dump());
    const auto unavailable = [](const std::string& why) {
        return stage::json_response(503, json{{"error", "Service unavailable: " + why}}.dump());
    };
    if (!answer) co_return unavailable(answer.error().message);
    if (!json::accept(answer->body)) co_return unavailable("the answer of " + settings_.service_c_url + " is not JSON");
    co_return stage::json_response(answer->status, answer->body);
}

api_gateway_settings api_gateway_settings::from(stage::environment& env, const std::string& service_c_url) {
    return {.service_c_url = env.url("SERVICE_C_URL", service_c_url), .business = business_health_settings::from(env)};
}

}  // namespace health_check
