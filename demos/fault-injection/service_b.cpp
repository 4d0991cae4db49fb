#include <fault-injection/service_b.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fault_injection {

namespace net = boost::asio;
using json = nlohmann::ordered_json;

namespace {

response done(const char* sentence) {
    return stage::json_response(200, json{{"message", sentence}}.dump());
}

const char* yes_or_no(bool b) {
    return b ? "True" : "False";
}

}  // namespace

service_b::service_b(service_b_settings settings, log_sink log, stage::pause wait)
    : settings_(settings), log_(std::move(log)), wait_(std::move(wait)), dice_(settings.seed) {}

stage::routes service_b::routes() {
    const auto induce_failure = [this](const request&) {
        set_failing(true);
        return done("Service B will now return errors for /data.");
    };
    const auto remove_failure = [this](const request&) {
        set_failing(false);
        return done("Service B will now work normally for /data.");
    };
    const auto induce_latency = [this](const request&) {
        set_slow(true);
        return done("Service B will now have added latency for /data.");
    };
    const auto remove_latency = [this](const request&) {
        set_slow(false);
        return done("Service B will now respond quickly for /data.");
    };
    return {
        {"GET /data", [this](const request&) { return data(); }},
        {"GET /health", [this](const request&) { return health(); }},
        {"POST /induce-failure", induce_failure},
        {"POST /remove-failure", remove_failure},
        {"POST /induce-latency", induce_latency},
        {"POST /remove-latency", remove_latency},
    };
}

void service_b::set_failing(bool failing) {
    failing_ = failing;
    log_(failing ? "Service B set to UNHEALTHY state." : "Service B set to HEALTHY state.");
}

void service_b::set_slow(bool slow) {
    slow_ = slow;
    log_(slow ? "Service B set to SLOW state." : "Service B set to NORMAL SPEED state.");
}

net::awaitable<response> service_b::data() {
    const bool fails = failing_;
    const bool dawdles = slow_;
    const int number = 1 + static_cast<int>(dice_.unit() * 100);
    log_(fmt::format("Service B /data called. Healthy: {}, Slow: {}", yes_or_no(!fails), yes_or_no(dawdles)));
    if (dawdles) {
        const auto spread = dice_.unit() * (settings_.latency_max - settings_.latency_min);
        const auto latency = settings_.latency_min + std::chrono::duration_cast<fusebox::duration>(spread);
        log_(fmt::format("Service B simulating latency for {:.2f} seconds.",
                         std::chrono::duration<double>(latency).count()));
        co_await wait_(latency);
    }
    if (fails) co_return stage::json_response(500, json{{"error", "Service B is intentionally failing."}}.dump());
    co_return stage::json_response(200, json{{"message", "Hello from Service B!"}, {"data", number}}.dump());
}

response service_b::health() const {
    return stage::json_response(failing_ ? 503 : 200,
                                json{{"status", failing_ ? "unhealthy" : "healthy"}, {"service", "B"}}.dump());
}

service_b_settings service_b_settings::from(stage::environment& env) {
    service_b_settings s;
    s.latency_min = env.seconds("LATENCY_MIN", s.latency_min, fusebox::duration{0});
    s.latency_max = env.seconds("LATENCY_MAX", s.latency_max, fusebox::duration{0});
    s.seed = env.whole_number("SEED", s.seed, 0, UINT64_MAX);
    if (s.latency_max < s.latency_min)
        env.refuse("LATENCY_MAX must not be less than LATENCY_MIN (unset, they are 5 and 2)");
    return s;
}

}  // namespace fault_injection
