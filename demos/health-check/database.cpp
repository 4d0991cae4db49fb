#include <health-check/database.hpp>

#include <nlohmann/json.hpp>

#include <condition_variable>
#include <ctime>

namespace health_check {

using demo::http::request;
using demo::http::response;
using json = nlohmann::ordered_json;

database::database(database_settings settings, pause wait)
    : settings_(settings), wait_(std::move(wait)), dice_(settings.seed) {}

demo::http::routes database::routes() {
    return {
        {"/health", [this](const request&) { return health(); }},
        {"/data", [this](const request& asked) { return data(asked); }},
    };
}

response database::health() {
    if (roll() < settings_.health_fail_rate)
        return {503, json{{"status", "unhealthy"}, {"message", "Database connection failed"}}.dump()};
    return {200, json{{"status", "healthy"}, {"database", "connected"}, {"records", 1000}}.dump()};
}

response database::data(const request& asked) {
    if (roll() < settings_.data_fail_rate) return {500, json{{"error", "Database error"}}.dump()};
    const auto spread = settings_.data_latency_max - settings_.data_latency_min;
    wait_(settings_.data_latency_min + std::chrono::duration_cast<fusebox::duration>(roll() * spread), asked.stopping);
    json items = json::array();
    for (int id : {1, 2}) items.push_back({{"id", id}, {"name", "Item " + std::to_string(id)}});
    return {200, json{{"data", items}, {"timestamp", std::time(nullptr)}}.dump()};
}

double database::roll() {
    const std::lock_guard lock{mutex_};
    return dice_.unit();
}

void real_pause(fusebox::duration how_long, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any never_notified;
    std::unique_lock lock{mutex};
    never_notified.wait_for(lock, stop, how_long, [] { return false; });
}

database_settings database_settings::from(environment& env) {
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
