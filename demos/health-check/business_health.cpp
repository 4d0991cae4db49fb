#include <health-check/business_health.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

namespace health_check {

namespace net = boost::asio;
using json = nlohmann::ordered_json;
using stage::request;
using stage::response;

struct business_health::finding {
    bool well;
    json observed;
    const char* unit;
    std::string why;  // it is not well

    // As one check of draft-inadarei-api-health-check.
    json as_json() const {
        json all{{"status", well ? "pass" : "fail"}, {"observedValue", observed}, {"observedUnit", unit}};
        if (!well) all["output"] = why;
        return json::array({all});
    }
};

namespace {

// A whole number of an answer in JSON, or why there is none.
std::expected<std::int64_t, std::string> number_in(const std::expected<response, fusebox::http::http_error>& answer,
                                                   const char* name) {
    if (!answer) return std::unexpected(answer.error().message);
    if (answer->status != 200) return std::unexpected("HTTP " + std::to_string(answer->status));
    const json body = json::parse(answer->body, nullptr, false);
    if (!body.is_object() || !body.contains(name) || !body[name].is_number_integer())
        return std::unexpected(std::string("the answer has no number '") + name + "'");
    return body[name].get<std::int64_t>();
}

}  // namespace

business_health::business_health(net::any_io_executor on, std::string service_c_url, business_health_settings settings)
    : service_c_url_(std::move(service_c_url)), settings_(settings), client_(std::move(on)) {}

net::awaitable<response> business_health::check() {
    const finding counted = co_await records();
    const finding dated = co_await freshness();
    const bool well = counted.well && dated.well;
    json checks;
    checks["database:records"] = counted.as_json();
    checks["database:freshness"] = dated.as_json();
    json report;
    report["status"] = well ? "pass" : "fail";
    report["serviceId"] = "api-gateway";
    report["checks"] = checks;
    co_return response{well ? 200 : 503, report.dump(), "application/health+json"};
}

net::awaitable<business_health::finding> business_health::records() {
    const request question{"GET", service_c_url_ + "/health"};
    const auto answer = co_await client_.send(question, settings_.timeout);
    const auto count = number_in(answer, "records");
    finding found{false, nullptr, "records", ""};
    if (!count) {
        found.why = count.error();
        co_return found;
    }
    found.observed = *count;
    found.well = *count >= 0 && static_cast<std::uint64_t>(*count) >= settings_.least_records;
    if (!found.well) found.why = "there must be " + std::to_string(settings_.least_records) + " at least";
    co_return found;
}

net::awaitable<business_health::finding> business_health::freshness() {
    const request question{"GET", service_c_url_ + "/data"};
    const auto answer = co_await client_.send(question, settings_.timeout);
    const auto made = number_in(answer, "timestamp");
    finding found{false, nullptr, "s", ""};
    if (!made) {
        found.why = made.error();
        co_return found;
    }
    const std::int64_t age = std::max<std::int64_t>(std::time(nullptr) - *made, 0);
    const auto oldest = std::chrono::duration_cast<std::chrono::seconds>(settings_.oldest_data).count();
    found.observed = age;
    found.well = age <= oldest;
    if (!found.well) found.why = "the data must be " + std::to_string(oldest) + " s old at most";
    co_return found;
}

business_health_settings business_health_settings::from(stage::environment& env) {
    business_health_settings s;
    s.least_records = env.whole_number("BUSINESS_LEAST_RECORDS", s.least_records, 0, UINT32_MAX);
    s.oldest_data = env.seconds("BUSINESS_OLDEST_DATA", s.oldest_data, std::chrono::seconds{1});
    return s;
}

}  // namespace health_check
