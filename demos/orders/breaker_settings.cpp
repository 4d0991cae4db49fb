#include <orders/breaker_settings.hpp>

#include <fusebox/preset.hpp>

#include <fmt/format.h>

#include <fstream>
#include <sstream>

namespace orders {

namespace {

circuit_setting of_preset(const fusebox::circuit_breaker_options& preset) {
    return {.threshold = preset.consecutive_failures.value_or(1), .cooldown = preset.open_for};
}

circuit_setting preset_of(stage::environment& env) {
    const std::string name = env.text("CB_PRESET", "");
    if (name.empty()) return {};
    if (name == "high-traffic") return of_preset(fusebox::presets::high_traffic());
    if (name == "low-latency") return of_preset(fusebox::presets::low_latency());
    if (name == "critical") return of_preset(fusebox::presets::critical());
    env.refuse(fmt::format("CB_PRESET={} must be high-traffic, low-latency or critical", name));
    return {};
}

void add_file(breaker_settings& to, stage::environment& env) {
    const std::string path = env.text("CB_CONFIG", "");
    if (path.empty()) return;
    std::ifstream file{path};
    std::stringstream text;
    if (file) text << file.rdbuf();
    if (!file || !text) return env.refuse(fmt::format("CB_CONFIG={} cannot be read", path));
    auto read = read_breaker_file(text.str(), path, to.usual);
    if (!read) return env.refuse(read.error());
    to.of_service = std::move(*read);
}

}  // namespace

const circuit_setting& breaker_settings::of(std::string_view service) const {
    const auto found = of_service.find(service);
    return found == of_service.end() ? usual : found->second;
}

breaker_settings breaker_settings::from(stage::environment& env) {
    const circuit_setting preset = preset_of(env);
    breaker_settings all{
        .usual = {.threshold = static_cast<std::uint32_t>(
                      env.whole_number("CB_THRESHOLD", preset.threshold, 1, highest_threshold)),
                  .cooldown = env.seconds("CB_COOLDOWN_SECONDS", preset.cooldown, std::chrono::milliseconds{1}),
                  .count_http_5xx = env.whole_number("COUNT_HTTP_5XX", 0, 0, 1) == 1}};
    add_file(all, env);
    return all;
}

}  // namespace orders
