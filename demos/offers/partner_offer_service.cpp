#include <offers/partner_offer_service.hpp>

#include <offers/offer_text.hpp>

#include <nlohmann/json.hpp>

#include <charconv>
#include <optional>

namespace offers {

namespace net = boost::asio;
using json = nlohmann::ordered_json;

namespace {

constexpr int lowest_status = 200, highest_status = 599;

std::optional<int> parse_status(std::string_view text) {
    int status = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), status);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (status < lowest_status || status > highest_status) return std::nullopt;
    return status;
}

}  // namespace

partner_offer_service::partner_offer_service(partner_settings settings, stage::pause wait)
    : settings_(settings), wait_(std::move(wait)), status_(settings.status) {}

stage::routes partner_offer_service::routes() {
    return {
        {"GET /offer/hot", [this](const request&) { return hot_offer(); }},
        {"GET /health", [](const request&) { return stage::healthy(); }},
        {"POST /offer/status/{code}", [this](const request& asked) { return change_status(asked); }},
    };
}

net::awaitable<response> partner_offer_service::hot_offer() {
    co_await wait_(settings_.latency);
    co_return response{status_, offer_text("Hot offer")};
}

response partner_offer_service::change_status(const request& asked) {
    const std::string code{asked.parameter("code")};
    const auto status = parse_status(code);
    if (!status) {
        const std::string why = "'" + code + "' must be a status from 200 to 599";
        return stage::json_response(400, json{{"error", why}}.dump(-1, ' ', false, json::error_handler_t::replace));
    }
    set_status(*status);
    return stage::json_response(200, json{{"status", *status}}.dump());
}

partner_settings partner_settings::from(stage::environment& env) {
    partner_settings s;
    s.status = static_cast<int>(
        env.whole_number("PARTNER_STATUS", static_cast<std::uint64_t>(s.status), lowest_status, highest_status));
    s.latency = env.seconds("PARTNER_LATENCY", s.latency, fusebox::duration{0});
    return s;
}

}  // namespace offers
