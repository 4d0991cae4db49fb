#include <health-check/database.hpp>

#include <nlohmann/json.hpp>

#include <ctime>

namespace health_check {

namespace net = boost::asio;
using json = nlohmann::ordered_json;

database::database(database_settings settings, stage::pause wait)
    : settings_(settings), wait_(std::move(wait)), dice_(settings.seed) {}

stage::routes database::routes() {
    return {
        {"GET /health", [this](const request&) { return health(); }},
        {"GET /data", [this](const request&) { return data(); }},
    };
}

response database::health() {
    if (roll() < settings_.health_fail_rate)
        return stage::json_response(503,
                                    json{{"status", "unhealthy"}, {"message", "Database connection failed"}}.dump());
    return stage::json_response(200, json{{"status", "healthy"}, {"database", "connected"}, {"records", 1000}}.dump());
}

net::awaitable<response> database::data() {
    if (roll() < settings_.data_fail_rate)
        co_return stage::json_response(500, json{{"error", "Database error"}}.dump());
    const auto spread = settings_.data_latency_max - settings_.data_latency_min;
    co_await wait_(settings_.data_latency_min + std::chrono::duration_cast<fusebox::duration>(roll() * spread));
    json items = json::array();
    for (int id : {1, 2}) items.push_back({{"id", id}, {"name", "Item " + std::to_string(id)}});
    co_return stage::json_response(200, json{{"data", items}, {"timestamp", std::time(nullptr)}}.dump());
}

double database::roll() {
    return dice_.unit();
}

database_settings database_settings::from(stage::environment& env) {
    database_settings s;
    s.health_fail_rate = env.probability("HEALTH_FAIL_RATE", s.health_fail_rate);
    s.data_fail_rate = env.probability("DATA_FAIL_RATE", s.data_fail_rate);
    s.data_latency_min = env.seconds("DATA_LATENCY_MIN", s.data_latency_min, fusebox::duration{0});
    s.data_latency_max = env.seconds("DATA_LATENCY_MAX", s.data_latency_max, fusebox::duration{0});
    s.seed = env.whole_number("SEED", s.seed, 0, UINT64_MAX);
    if (s.data_latency_max < s.data_latency_min)
        env.refuse("DATA_LATENCY_MAX must not be less than DATA_LATENCY_MIN (unset, they are 0.5 and 0.1)");
    return s;
}

}  // namespace health_check
